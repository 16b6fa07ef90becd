"""Where in a picture is what speaks for a class: as the bundle's own network says, and beside requests for decisions."""

import base64
import io
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import jsonschema
import numpy as np
import pytest
import torch
from PIL import Image
from tests.pictures import KINDS, picture
from tests.served import BUNDLE, SAMPLES, files, served

from sfumato.bundle.folder import read_bundle
from sfumato.data.images import decode
from sfumato.data.preprocess import Preprocess
from sfumato.models.grad_cam import class_maps
from sfumato.predict.building import build_networks
from sfumato.predict.predictor import Predictor
from sfumato.report.laid_over import laid_over_part
from sfumato.serve import server
from sfumato.serve.explaining import Explanations

ONE = SAMPLES[0].read_bytes()


READ = read_bundle(BUNDLE)
WIDE = replace(READ, transform={**READ.transform, "size": 160})
"""Of places 5 by 5; the pictures that it was made with are of one place."""


@pytest.fixture(autouse=True, scope="module")
def _brief():
    """Services of this file end without a wait for those who might still come."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "LINGER", server.HOLD + 0.1)
        yield


@pytest.fixture(scope="module")
def service(_brief):
    with served(Predictor(WIDE, "wide", "cpu", check=False)) as one:
        yield one


@pytest.fixture(scope="module")
def client(service):
    with service.client() as one:
        yield one


def own_map(content: bytes, label: str, bundle=WIDE) -> np.ndarray:
    """By a network that was built anew of the bundle's weights."""
    preprocess = Preprocess.from_dict(bundle.transform, "x")
    network = build_networks(bundle, preprocess, "x")[0]
    images = preprocess(decode(content))[None]
    return class_maps(network, images, [bundle.labels.index(label)], slice(0, 3), several=False)[0].numpy()


def drawn(document: dict) -> np.ndarray:
    kind, _, content = document["picture"].partition(",")
    assert kind == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(content))) as found:
        assert found.format == "PNG"
        return np.asarray(found)


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def refused(answer, status: int, code: str) -> str:
    document = answer.json()
    assert (answer.status_code, document["code"]) == (status, code), document
    assert "\n" not in document["error"] and 0 < len(document["error"]) <= 300
    return document["error"]


@pytest.mark.parametrize("label", [None, "disc", "Stripes"])
@pytest.mark.parametrize("kind", ["form", "json"])
def test_the_map_is_that_of_the_bundles_own_network(client, kind, label):
    said = {} if label is None else {"label": label}
    if kind == "form":
        answer = client.post("/explain", files=files(("叶.png", ONE)), data=said)
    else:
        inputs = [{"image": base64.b64encode(ONE).decode(), "name": "叶.png"}]
        answer = client.post("/explain", json={"inputs": inputs, **said})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    meant = label.lower() if label else client.post("/predict", files=files(ONE)).json()["decisions"][0]["label"]
    assert (found["input"], found["task"], found["label"], found["networks"]) == ("叶.png", "", meant, 1)
    wanted = own_map(ONE, meant)
    np.testing.assert_allclose(found["map"], wanted, atol=1e-6)
    assert wanted.shape == (5, 5) and found["box"] == [0.125, 0, 0.875, 1]
    assert np.array_equal(drawn(found), laid_over_part(decode(ONE), np.array(found["map"], np.float32), found["box"]))


def test_some_classes_have_places_that_speak_for_them(client):
    maps = [client.post("/explain", files=files(ONE), data={"label": one}).json()["map"] for one in READ.labels.names]
    assert {np.max(one) for one in maps} <= {0, 1} and np.max(maps) == 1


def test_a_wide_picture_is_drawn_whole_and_small(client):
    pixels = np.random.default_rng(0).integers(0, 256, (600, 1200, 3), dtype=np.uint8)
    all_of_it = [
        client.post("/explain", files=files(png(pixels)), data={"label": one}).json() for one in READ.labels.names
    ]
    found = next(one for one in all_of_it if np.max(one["map"]))
    assert found["box"] == [0.25, 0, 0.75, 1]
    image = drawn(found).astype(int)
    assert image.shape == (256, 512, 3)
    assert np.ptp(image[:, :120], axis=2).max() == 0 and abs(image[:, :120] - 128).max() < 50, "what is not seen"
    assert np.ptp(image[:, 130:380], axis=2).max() > 50


def test_what_is_answered_is_described(client):
    document = client.get("/openapi.json").json()["paths"]["/explain"]["post"]
    answers = [
        client.post("/explain", files=files(ONE)),
        client.post("/explain", files=files(b"bad")),
        client.post("/explain", content=ONE),
    ]
    assert [one.status_code for one in answers] == [200, 422, 415]
    for answer in answers:
        schema = document["responses"][str(answer.status_code)]["content"]["application/json"]["schema"]
        jsonschema.Draft202012Validator(schema).validate(answer.json())
    asked = document["requestBody"]["content"]
    assert set(asked["multipart/form-data"]["schema"]["properties"]) == {"files", "label", "task"}
    assert set(asked["application/json"]["schema"]["properties"]) == {"inputs", "label", "task"}
    said = client.get("/metadata").json()
    assert said["explains"] and said["tasks"][0]["explains"]
    assert "sfumato_explanation_seconds_count" in client.get("/metrics").text


IMAGE = base64.b64encode(ONE).decode()
REFUSED = {
    "two files": ({"files": files(ONE, ONE)}, 413, "too_many_files", "more than one file in a request"),
    "two inputs": ({"json": {"inputs": [{"image": IMAGE}] * 2}}, 413, "too_many_files", "more than one file"),
    "two of one": ({"json": {"inputs": [{"image": [IMAGE] * 2}]}}, 413, "too_many_files", "more than one file"),
    "none": ({"json": {"inputs": []}}, 422, "nothing_asked", "no input"),
    "no picture": ({"json": {"inputs": [{"image": []}]}}, 422, "nothing_asked", "no picture"),
    "bad": ({"files": files(b"bad")}, 422, "nothing_usable", "can't be explained: not an image in any known format"),
    "bad and named": ({"files": files(b""), "data": {"label": "disc"}}, 422, "nothing_usable", "explained: empty"),
    "class": ({"files": files(ONE), "data": {"label": "disk"}}, 422, "unknown_class", "no class 'disk'; did you mean 'disc'?"),
    "no class": ({"files": files(ONE), "data": {"label": ""}}, 422, "unknown_class", "no class ''"),
    "task": ({"files": files(ONE), "data": {"task": "gate"}}, 422, "unknown_task", "no 'gate'"),
    "twice": ({"files": files(ONE), "data": {"label": ["disc", "disc"]}}, 422, "wrong_form", "`label` stands there 2 times"),
    "long": ({"files": files(ONE), "data": {"label": "x" * 9000}}, 422, "wrong_form", "`label` is too long"),
    "long in JSON": ({"json": {"inputs": [{"image": IMAGE}], "label": "x" * 9000}}, 422, "wrong_form", "label string should have at most 255"),
    "kind": ({"json": {"inputs": [{"image": IMAGE}], "label": 3}}, 422, "wrong_form", "label should be a valid string"),
    "field": ({"files": files(ONE), "data": {"class": "disc"}}, 422, "unknown_field", "a field 'class'; expected `files`, or `texts`, `label`, `task` beside them"),
    "text": ({"files": files(ONE), "data": {"texts": "red"}}, 422, "texts_not_read", "this bundle reads none"),
    "type": ({"content": ONE}, 415, "wrong_type", "a body of type 'unknown'"),
    "form": ({"content": b"x", "headers": {"Content-Type": "multipart/form-data; boundary=b"}}, 400, "broken_form", "not a form"),
    "JSON": ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400, "broken_json", "JSON"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_each_refusal_is_its_own(client, name):
    request, status, code, said = REFUSED[name]
    assert said in refused(client.post("/explain", **request), status, code)


def test_limits_keys_and_origins_are_those_of_decisions():
    limits = {"megabytes": 0.2, "megapixels": 0.015, "held_megabytes": 0.2}
    key = {"Authorization": "Bearer 0123456789abcdef"}
    with served(BUNDLE, key="0123456789abcdef", **limits) as service, service.client() as client:

        def ask(content: bytes, **headers):
            return client.post("/explain", files=files(content), headers={**key, **headers})

        assert ask(ONE).status_code == 200
        refused(client.post("/explain", files=files(ONE)), 401, "no_key")
        refused(ask(ONE, Origin="http://evil.example"), 403, "wrong_origin")
        refused(ask(ONE, Host="evil.example"), 421, "wrong_host")
        refused(ask(bytes(300_000)), 413, "too_many_bytes")
        refused(ask(png(np.zeros((200, 100), dtype=np.uint8))), 413, "too_many_pixels")
        assert client.get("/explain", headers=key).status_code == 405


def test_a_queue_that_is_full_and_time_that_is_over(monkeypatch):
    begun, go, look = threading.Event(), threading.Event(), Explanations.look

    def slow(self, asked):
        begun.set()
        assert go.wait(30)
        return look(self, asked)

    monkeypatch.setattr(Explanations, "look", slow)
    with (
        served(BUNDLE, explanations=1, seconds=1) as service,
        service.client() as client,
        ThreadPoolExecutor(3) as pool,
    ):
        ask = lambda: client.post("/explain", files=files(ONE), data={"label": "disc"})  # noqa: E731
        first = pool.submit(ask)
        assert begun.wait(10)
        second = pool.submit(ask)
        while "sfumato_queue_explanations 1.0" not in client.get("/metrics").text:
            time.sleep(0.01)
        assert client.post("/predict", files=files(ONE)).status_code == 200, "decisions do not wait for it"
        answer = ask()
        assert refused(answer, 429, "queue_full").startswith("1 inputs wait already, of 1 that may")
        assert answer.headers["retry-after"] == "1"
        for late in (first, second):
            refused(late.result(), 503, "took_too_long")
        go.set()
        assert ask().status_code == 200


def test_a_service_that_explains_nothing():
    with served(BUNDLE, explanations=0) as service, service.client() as client:
        said = refused(client.post("/explain", files=files(ONE)), 422, "not_explained")
        assert said == "this service explains no pictures; /metadata says what can be explained"
        told = client.get("/metadata").json()
        assert not told["explains"] and not told["tasks"][0]["explains"]
        assert client.post("/predict", files=files(ONE)).status_code == 200


def test_a_failure_is_one_line(monkeypatch, caplog):
    monkeypatch.setattr(Explanations, "look", lambda *_: 1 // 0)
    with served(BUNDLE) as service, service.client() as client:
        refused(client.post("/explain", files=files(ONE)), 500, "failed")
        assert client.get("/health").status_code == 200
    assert "ZeroDivisionError" in caplog.text


def test_decisions_and_explanations_at_once_are_those_of_each_alone():
    """Hooks of an explanation see nothing of what workers compute, and no answer is another's."""
    model = Predictor(WIDE, "wide", "cpu", check=False)
    pictures = [png(np.asarray(picture(KINDS[i % 3], i, 24 + i % 5 * 8))) for i in range(48)]
    wanted = [one.to_dict()["probabilities"] for one in model.predict(pictures)]
    maps = [own_map(one, ("checks", "disc", "stripes")[i % 3]) for i, one in enumerate(pictures[:16])]
    state = {name: value.clone() for name, value in model._looker._models[0].state_dict().items()}
    with served(model, workers=3, batch=4, explanations=32) as service, service.client() as client:

        def decide(place: int) -> dict:
            return client.post("/predict", files=files(pictures[place])).json()["decisions"][0]["probabilities"]

        def explain(place: int) -> np.ndarray:
            data = {"label": ("checks", "disc", "stripes")[place % 3]}
            return np.array(client.post("/explain", files=files(pictures[place]), data=data).json()["map"])

        with ThreadPoolExecutor(24) as pool:
            explained = [pool.submit(explain, place) for place in range(16)]
            decided = [pool.submit(decide, place) for place in range(48)]
            for one, expected in zip(decided, wanted, strict=True):
                assert one.result() == pytest.approx(expected, abs=1e-6)
            for one, expected in zip(explained, maps, strict=True):
                np.testing.assert_allclose(one.result(), expected, atol=1e-5)
    network = model._looker._models[0]
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    assert all(one.grad is None for one in network.parameters())
    assert not any(one._forward_hooks or one._forward_pre_hooks for one in network.modules())


def test_a_small_answer_for_programs(client):
    """What is said is JSON that any reader takes."""
    text = client.post("/explain", files=files(ONE)).text
    assert json.loads(text, parse_constant=pytest.fail)
