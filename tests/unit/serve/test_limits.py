"""Each limit has its own answer, and a request that passes one costs the service nothing."""

import io
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image
from tests.served import BUNDLE, SAMPLES, files, served

import sfumato
from sfumato.errors import InputError
from sfumato.serve import connection
from sfumato.serve.settings import ServeSettings, read_settings

ONE = SAMPLES[0].read_bytes()


class Gate:
    """A predictor that decides only when it is let."""

    def __init__(self) -> None:
        self.model = sfumato.load(BUNDLE, device="cpu")
        self.open, self.begun, self.seen = threading.Event(), threading.Event(), 0
        decide = self.model.predict

        def predict(inputs):
            self.begun.set()
            assert self.open.wait(30)
            self.seen += len(inputs)
            return decide(inputs)

        self.model.predict = predict


def refused(answer, status: int, code: str) -> str:
    document = answer.json()
    assert (answer.status_code, document["code"]) == (status, code)
    assert "\n" not in document["error"] and 0 < len(document["error"]) <= 300
    return document["error"]


def png(width: int, height: int) -> bytes:
    """A file of a few bytes that claims any size."""
    buffer = io.BytesIO()
    Image.new("1", (width, height)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def small():
    limits = {"megabytes": 0.2, "files": 4, "megapixels": 0.015, "held_megabytes": 0.5}
    with served(BUNDLE, **limits) as service, service.client() as client:
        yield client


def test_bytes(small):
    said = refused(small.post("/predict", files=files(bytes(300_000))), 413, "too_many_bytes")
    assert said == "more than the 200,000 bytes that a request may have"
    body = (b"x" * 50_000 for _ in range(8))  # of no announced length
    answer = small.post("/predict", content=body, headers={"Content-Type": "application/json"})
    refused(answer, 413, "too_many_bytes")


def test_files(small):
    said = refused(small.post("/predict", files=files(*[ONE] * 5)), 413, "too_many_files")
    assert said == "more than 4 files in a request; send them in several"
    refused(small.post("/predict", json={"inputs": [{"image": ""}] * 5}), 413, "too_many_files")
    refused(small.post("/predict", json={"inputs": [{"image": [""] * 5}]}), 413, "too_many_files")
    assert small.post("/predict", files=files(*[ONE] * 4)).status_code == 200


def test_pixels(small):
    said = refused(small.post("/predict", files=files(ONE, ("大.png", png(200, 100)))), 413, "too_many_pixels")
    assert said == "大.png claims 200 x 100 pixels; expected at most 15,000"
    bomb = png(20_000, 20_000)
    assert len(bomb) < 200_000
    said = refused(small.post("/predict", files=files(("bomb.png", bomb))), 413, "too_many_pixels")
    assert said.startswith("bomb.png claims more than the 100,000,000 pixels")
    import base64

    several = [base64.b64encode(png(90, 90)).decode()] * 2
    said = refused(small.post("/predict", json={"inputs": [{"image": several}]}), 413, "too_many_pixels")
    assert said == "the pictures of input 0 claim 16,200 pixels together; expected at most 15,000"


def test_type(small):
    said = refused(small.post("/predict", content=ONE, headers={"Content-Type": "image/png"}), 415, "wrong_type")
    assert said == "a body of type 'image/png'; expected multipart/form-data or application/json"
    refused(small.post("/predict", content=ONE), 415, "wrong_type")


@pytest.mark.parametrize(("body", "code"), [({"inputs": []}, "nothing_asked"), ({}, "wrong_form"), ({"inputs": [{}]}, "wrong_form"), ({"inputs": [{"path": "/etc/passwd"}]}, "wrong_form"), ({"inputs": [{"text": "red"}]}, "texts_not_read"), ({"inputs": [{"image": 3}]}, "wrong_form")])  # fmt: skip
def test_json_of_another_form(small, body, code):
    refused(small.post("/predict", json=body), 422, code)


def test_form_of_another_form(small):
    refused(small.post("/predict", files=[("image", ("a.png", ONE))]), 422, "unknown_field")
    refused(small.post("/predict", files=files(ONE, ONE), data={"texts": ["one"]}), 422, "texts_not_paired")
    refused(small.post("/predict", files=files(ONE), data={"texts": "one"}), 422, "texts_not_read")


def test_a_queue_that_is_full_and_time_that_is_over():
    gate = Gate()
    with served(gate.model, queue=2, batch=1, workers=1, seconds=1, wait_ms=0) as service:
        with service.client() as client, ThreadPoolExecutor(4) as pool:
            first = pool.submit(client.post, "/predict", files=files(ONE))
            assert gate.begun.wait(10)
            waiting = pool.submit(client.post, "/predict", files=files(ONE, ONE))
            while service.service._batcher.waiting < 2:
                time.sleep(0.01)
            said = refused(client.post("/predict", files=files(ONE)), 429, "queue_full")
            assert said == "2 inputs wait already, of 2 that may; try again"
            assert client.get("/ready").status_code == 200
            late = [first.result(), waiting.result()]
            gate.open.set()
            assert service.service._batcher.waiting == 0
            for answer in late:
                assert refused(answer, 503, "took_too_long") == "not answered within 1 s; try again"
                assert answer.headers["retry-after"] == "1"
            assert client.post("/predict", files=files(ONE)).status_code == 200
        assert gate.seen == 2, "what nobody waited for any more was not computed"


def test_bytes_in_hand():
    """What is promised to slow clients counts, so that many of them can't fill the memory."""
    with served(BUNDLE, megabytes=1, held_megabytes=1) as service, service.client() as client:
        host, port = service.address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as slow:
            slow.sendall(
                b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 900000\r\n\r\n{"
            )
            while "sfumato_held_bytes 900000.0" not in client.get("/metrics").text:
                time.sleep(0.01)
            refused(client.post("/predict", files=files(bytes(200_000))), 429, "too_busy")
            assert client.post("/predict", files=files(ONE)).status_code == 200
        while "sfumato_held_bytes 0.0" not in client.get("/metrics").text:
            time.sleep(0.01)


def test_slow_clients(monkeypatch):
    """A body that does not come is answered 408; a head that does not come ends the connection."""
    monkeypatch.setattr(connection, "SILENCE", 0.3)
    head = b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n"
    with served(BUNDLE, seconds=0.3) as service:
        host, port = service.address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as slow:
            slow.sendall(head + b"{")
            assert slow.recv(100).startswith(b"HTTP/1.1 408 ")
        with socket.create_connection((host, int(port)), timeout=10) as silent:
            silent.sendall(b"POST /pre")
            assert silent.recv(100) == b""


def test_a_key():
    key = "a-key-of-24-characters-x"
    with served(BUNDLE, key=key) as service, service.client() as client:
        for given in (
            {},
            {"Authorization": f"Basic {key}"},
            {"Authorization": "Bearer x"},
            {"Authorization": f"Bearer {key}x"},
        ):
            answer = client.post("/predict", files=files(ONE), headers=given)
            assert refused(answer, 401, "no_key") == "no key, or another; expected `Authorization: Bearer KEY`"
            assert answer.headers["www-authenticate"] == "Bearer"
        for path in ("/metadata", "/metrics", "/openapi.json", "/nothing"):
            assert client.get(path).status_code == 401
        for path in ("/", "/page/page.js", "/page/page.css", "/health", "/ready"):
            assert client.get(path).status_code == 200
        known = {"Authorization": f"Bearer {key}"}
        assert client.post("/predict", files=files(ONE), headers=known).status_code == 200
        assert client.get("/metadata", headers=known).status_code == 200


def test_names_and_origins(small):
    """A page elsewhere can reach this machine by a name that it controls; the service does not answer to it."""
    assert small.get("/metadata", headers={"Host": "localhost:1"}).status_code == 200
    refused(small.get("/metadata", headers={"Host": "evil.example"}), 421, "wrong_host")
    refused(small.post("/predict", files=files(ONE), headers={"Origin": "http://evil.example"}), 403, "wrong_origin")
    refused(small.post("/predict", files=files(ONE), headers={"Origin": "null"}), 403, "wrong_origin")
    own = f"http://{small.base_url.host}:{small.base_url.port}"
    assert small.post("/predict", files=files(ONE), headers={"Origin": own}).status_code == 200


def test_every_answer_forbids_what_is_from_elsewhere(small):
    for answer in (small.get("/"), small.get("/nothing"), small.post("/predict")):
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_picture_that_breaks_the_network_breaks_no_others(caplog):
    """A failure no input should cause is one line to its client, is told in full to who runs the service."""
    model = sfumato.load(BUNDLE, device="cpu")
    decide = model.predict

    def predict(inputs):
        if any(one.name == "bad" for one in inputs):
            raise RuntimeError("out of memory")
        return decide(inputs)

    model.predict = predict
    with served(model, wait_ms=200) as service, service.client() as client, ThreadPoolExecutor(4) as pool:
        names = ["a", "bad", "b", "c"]
        found = list(pool.map(lambda name: client.post("/predict", files=files((name, ONE))), names))
        assert [one.status_code for one in found] == [200, 500, 200, 200]
        assert refused(found[1], 500, "failed") == "an input could not be looked at: a failure of the service"
        assert client.get("/health").status_code == 200
    assert "out of memory" in caplog.text


SETTINGS = {
    "unknown": ({"worker": 2}, "--set: worker: unknown setting; did you mean 'workers'?"),
    "kind": ({"workers": "many"}, '--set: workers: found "many"; expected a whole number'),
    "bound": ({"batch": 64}, "--set: batch: found 64; expected at most 32"),
    "held": ({"megabytes": 300}, "--set: held_megabytes: found 256; expected at least megabytes, 300"),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_wrong_settings(name):
    given, message = SETTINGS[name]
    with pytest.raises(InputError) as caught:
        read_settings(given)
    assert str(caught.value).startswith(message)


def test_settings_are_read_as_yaml_gives_them():
    found = read_settings({"megabytes": 5, "hosts": ["a.example"]})
    assert (found.megabytes, found.hosts) == (5.0, ("a.example",))
    assert json.loads(found.model_dump_json())["hosts"] == ["a.example"]


def test_the_docs_name_every_setting_with_its_default():
    page = (Path(__file__).parents[3] / "docs" / "serve.md").read_text(encoding="utf-8")
    for name, info in ServeSettings.model_fields.items():
        assert f"| `{name}` | {info.default or 'any'} |" in page


def test_workers_share_the_processors(monkeypatch):
    import torch

    from sfumato.serve.serving import share_processors

    given: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", given.append)
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    share_processors(3)
    monkeypatch.delenv("OMP_NUM_THREADS")
    share_processors(3)
    share_processors(16)
    assert given == [2, 1]
