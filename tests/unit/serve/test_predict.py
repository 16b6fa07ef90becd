"""What a service answers: as `sfumato predict` would, in whatever form and batch it was asked."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import jsonschema
import pytest
from tests.pictures import KINDS, picture
from tests.served import BUNDLE, SAMPLES, files, served

import sfumato


@pytest.fixture(scope="module")
def model():
    return sfumato.load(BUNDLE, device="cpu")


@pytest.fixture(scope="module")
def service(model):
    with served(model) as one:
        yield one


def rows_of(answer: httpx.Response) -> list[dict]:
    assert answer.status_code == 200, answer.text
    return answer.json()["decisions"]


def asked_as_json(client: httpx.Client, *inputs: dict) -> httpx.Response:
    return client.post("/predict", json={"inputs": list(inputs)})


def base(content: bytes) -> str:
    return base64.b64encode(content).decode()


def assert_alike(found: list[dict], wanted: list[dict]) -> None:
    """Equal but for what the inputs are called, figures to 1e-6."""
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        assert one.keys() == other.keys()
        for name in one.keys() - {"input", "confidence", "probabilities"}:
            assert one[name] == other[name]
        assert one["confidence"] == pytest.approx(other["confidence"], abs=1e-6)
        assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-6)
        assert list(one["probabilities"]) == list(other["probabilities"])


def test_both_forms_answer_as_predict_does(service, model):
    broken = b"\x89PNG\r\n\x1a\nand no more"
    wanted = [one.to_dict() for one in model.predict([*map(str, SAMPLES), broken])]
    with service.client() as client:
        form = rows_of(client.post("/predict", files=files(*SAMPLES, ("断.png", broken))))
        body = rows_of(asked_as_json(client, *[{"image": base(path.read_bytes())} for path in SAMPLES], {"image": base(broken), "name": "断.png"}))  # fmt: skip
    assert_alike(form, wanted)
    assert_alike(body, wanted)
    assert [row["input"] for row in form] == [*(path.name for path in SAMPLES), "断.png"]
    assert [row["input"] for row in body] == ["input 0", "input 1", "input 2", "input 3", "断.png"]
    assert form[-1]["error"].startswith("damaged: begins like an image")


def test_many_at_once_are_batched_and_each_gets_its_own(model):
    """Requests of different clients share batches, and no answer goes astray."""
    pictures = [picture(KINDS[i % 3], i, 24 + i % 5 * 8) for i in range(60)]
    wanted = [one.to_dict() for one in model.predict(pictures)]
    contents = [asked(one) for one in pictures]
    with served(model, workers=3, batch=8, wait_ms=20) as service, service.client() as client:
        with ThreadPoolExecutor(20) as pool:
            found = list(pool.map(lambda content: rows_of(client.post("/predict", files=files(content)))[0], contents))
        metrics = client.get("/metrics").text
    assert_alike(found, wanted)
    batches = float(
        next(line for line in metrics.splitlines() if line.startswith("sfumato_batch_inputs_count")).split()[1]
    )
    assert 60 / 8 <= batches < 45
    assert 'sfumato_inputs_total{outcome="answered"} 60.0' in metrics


def asked(image) -> bytes:
    import io

    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def test_no_input_can_be_decided_on(service):
    with service.client() as client:
        answer = client.post("/predict", files=files(b"", b"text"))
    assert answer.status_code == 422
    document = answer.json()
    assert document["code"] == "nothing_usable"
    assert document["error"] == "none of 2 inputs can be decided on; the first: empty"
    assert [row["error"] for row in document["decisions"]] == ["empty", "not an image in any known format"]


def test_what_a_client_calls_a_picture_is_said_back_and_never_opened(service, tmp_path):
    secret = tmp_path / "secret.png"
    secret.write_bytes(SAMPLES[0].read_bytes())
    with service.client() as client:
        for name in (str(secret), f"../../..{secret}", f"file://{secret}", "http://127.0.0.1:1/x.png"):
            answer = client.post("/predict", files=files((name, b"no picture")))
            assert answer.status_code == 422
            assert answer.json()["decisions"][0]["input"] == name
            assert answer.json()["decisions"][0]["error"].startswith("not an image")
            answer = asked_as_json(client, {"image": name})
            assert (answer.status_code, answer.json()["code"]) == (422, "not_base64")


def test_openapi_describes_what_is_answered(service):
    with service.client() as client:
        document = client.get("/openapi.json").json()
        answers = [
            client.post("/predict", files=files(SAMPLES[0], b"bad")),
            client.post("/predict", files=files(b"bad")),
        ]
    assert set(document["paths"]) == {"/predict", "/explain", "/health", "/ready", "/metadata", "/metrics"}
    responses = document["paths"]["/predict"]["post"]["responses"]
    for answer in answers:
        schema = responses[str(answer.status_code)]["content"]["application/json"]["schema"]
        jsonschema.Draft202012Validator(schema).validate(answer.json())
    assert {"400", "401", "408", "413", "415", "421", "422", "429", "503"} <= set(responses)
    assert "http" not in json.dumps(document["paths"])


def test_metadata_says_what_the_bundle_is(service, model):
    with service.client() as client:
        said = client.get("/metadata").json()
    assert (said["name"], said["reads_texts"], said["multilabel"]) == ("small", False, False)
    assert [one["id"] for one in said["tasks"][0]["classes"]] == list(model.labels.names)
    assert str(BUNDLE) not in json.dumps(said)
    assert said["limits"]["files"] == 64


def test_health_and_readiness(service):
    with service.client() as client:
        assert client.get("/health").json() == {"status": "ok"}
        assert client.get("/ready").json() == {"status": "ready"}
        assert client.get("/nothing").json() == {"code": "no_such_path", "error": "Not Found"}
        assert client.get("/predict").status_code == 405
