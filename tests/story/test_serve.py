"""Bundles of every kind over HTTP: what is served is what `sfumato predict` says, from the command line to the end."""

import base64
import json
import signal
import subprocess
import sys

import jsonschema
import pytest
from tests.pictures import marks, shapes_and_colours
from tests.products import products
from tests.products import recipe as product_recipe
from tests.served import BUNDLE, SAMPLES, files, served
from typer.testing import CliRunner

import sfumato
from sfumato.cli import app

ONCE = "train: {epochs: 1, optimizer: {lr: 1e-2}, precision: fp32, workers: 0}\n"
SMALL = "model: {backbone: test_efficientnet, weights: none}\n" + ONCE


@pytest.fixture(scope="module")
def labels(tmp_path_factory) -> sfumato.Run:
    """Any number of classes a picture, with sets."""
    root = tmp_path_factory.mktemp("labels")
    marks(root, 90)
    text = "data: {source: table.csv, columns: {label: marks}, split: {val: 0.3, test: 0.2}}\ndecision: {misses: 0.2}\n"
    (root / "recipe.yaml").write_text(text + SMALL, encoding="utf-8")
    return sfumato.train(root / "recipe.yaml", out=root / "run", quiet=True)


@pytest.fixture(scope="module")
def tasks(tmp_path_factory) -> sfumato.Run:
    """Two questions a picture, with sets and familiarity."""
    root = tmp_path_factory.mktemp("tasks")
    shapes_and_colours(root, 90)
    text = "data: {source: table.csv, columns: {label: [shape, colour]}, split: {val: 0.3, test: 0.2, near_duplicates: ignored}}\n"
    (root / "recipe.yaml").write_text(text + SMALL + "decision: {sets: {alpha: 0.2}}\n", encoding="utf-8")
    return sfumato.train(root / "recipe.yaml", out=root / "run", quiet=True)


@pytest.fixture(scope="module")
def texts(tmp_path_factory) -> sfumato.Run:
    """Pictures and texts."""
    root = tmp_path_factory.mktemp("texts")
    products(root, 80)
    return sfumato.train(product_recipe(root), overrides={"train.epochs": 2}, out=root / "run", quiet=True)


def said(bundle, *inputs) -> list[dict]:
    done = CliRunner().invoke(app, ["predict", str(bundle), *map(str, inputs), "--json", "--quiet"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def assert_alike(found, wanted) -> None:
    """Equal in every part, figures to 1e-6."""
    if isinstance(wanted, dict):
        assert list(found) == list(wanted)
        for name in wanted:
            assert_alike(found[name], wanted[name])
    elif isinstance(wanted, float):
        assert found == pytest.approx(wanted, abs=1e-6)
    else:
        assert found == wanted


def assert_served_as_said(run, paths, wanted) -> None:
    with served(run.bundle, wait_ms=20) as service, service.client() as client:
        answer = client.post("/predict", files=files(*[(row["input"], path.read_bytes()) for row, path in zip(wanted, paths, strict=True)]))  # fmt: skip
        schema = client.get("/openapi.json").json()["paths"]["/predict"]["post"]["responses"]["200"]
    assert answer.status_code == 200
    for found, row in zip(answer.json()["decisions"], wanted, strict=True):
        assert_alike(found, row)
    jsonschema.Draft202012Validator(schema["content"]["application/json"]["schema"]).validate(answer.json())


def test_several_classes_a_picture(labels):
    pictures = sorted((labels.folder.parent / "pictures").glob("*.png"))[:20]
    bad = labels.folder.parent / "bad.png"
    bad.write_bytes(b"bad")
    wanted = said(labels.bundle, *pictures, bad)
    assert "labels" in wanted[0] and "set" in wanted[0]
    assert_served_as_said(labels, [*pictures, bad], wanted)


def test_several_questions_a_picture(tasks):
    pictures = sorted((tasks.folder.parent / "pictures").glob("*.png"))[:20]
    bad = tasks.folder.parent / "bad.png"
    bad.write_bytes(b"bad")
    wanted = said(tasks.bundle, *pictures, bad)
    assert "set" in wanted[0]["answers"]["shape"]
    assert_served_as_said(tasks, [*pictures, bad], wanted)


def test_texts_beside_pictures(texts):
    root = texts.folder.parent
    rows = (root / "products.csv").read_text(encoding="utf-8").splitlines()[1:13]
    ids = [row.split(",")[0] for row in rows]
    spoken = [" ".join(row.split(",")[1:3]) for row in rows]
    table = root / "ask.csv"
    table.write_text(
        "\n".join(
            [
                "id,image,text",
                *[f"{one},pictures/{one}.png,{text}" for one, text in zip(ids, spoken, strict=True)],
                "t,,cotton sleeve",
            ]
        )
        + "\n"
    )
    wanted = said(texts.bundle, table)
    pictures = [(root / "pictures" / f"{one}.png").read_bytes() for one in ids]
    with served(texts.bundle) as service, service.client() as client:
        assert client.get("/metadata").json()["reads_texts"]
        form = client.post("/predict", files=files(*pictures), data={"texts": spoken})
        asked = [
            {"image": base64.b64encode(one).decode(), "text": text} for one, text in zip(pictures, spoken, strict=True)
        ]
        body = client.post("/predict", json={"inputs": [*asked, {"text": "cotton sleeve"}]})
        known = service.service._batcher._look.__self__._looker._models[0].reader.tokens._known
    assert form.status_code == body.status_code == 200
    for found, row in zip(form.json()["decisions"], wanted, strict=False):
        assert_alike({**found, "input": row["input"]}, row)
    for found, row in zip(body.json()["decisions"], wanted, strict=True):
        assert_alike({**found, "input": row["input"]}, row)
    assert body.json()["decisions"][-1]["without"] == "image"
    assert not known, "a service keeps none of the texts that it reads"


def test_where_of_each_kind_of_bundle(labels, tasks, texts):
    """Of several classes the likeliest that is named, of several questions that which is asked; of texts none."""
    first = min((labels.folder.parent / "pictures").glob("*.png"))
    likeliest = next(iter(said(labels.bundle, first)[0]["probabilities"]))
    with served(labels.bundle) as service, service.client() as client:
        found = client.post("/explain", files=files(first)).json()
        assert (found["label"], found["task"]) == (likeliest, "")
    with served(tasks.bundle) as service, service.client() as client:
        first = min((tasks.folder.parent / "pictures").glob("*.png"))
        answers = client.post("/predict", files=files(first)).json()["decisions"][0]["answers"]
        for task in ("shape", "colour"):
            found = client.post("/explain", files=files(first), data={"task": task}).json()
            wanted = answers[task]["label"] or next(iter(answers[task]["probabilities"]))
            assert (found["label"], found["task"]) == (wanted, task)
        refused = client.post("/explain", files=files(first), data={"label": wanted})
        told = {"code": "unknown_task", "error": "several questions; expected `task` to be one of shape, colour"}
        assert (refused.status_code, refused.json()) == (422, told)
    with served(texts.bundle) as service, service.client() as client:
        refused = client.post("/explain", files=files(first))
        assert (refused.status_code, refused.json()["code"]) == (422, "not_explained")
        assert not client.get("/metadata").json()["explains"]


def test_from_the_command_line(tmp_path):
    command = [sys.executable, "-m", "sfumato", "serve", str(BUNDLE), "--port", "0", "--set", "workers=1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        begun = process.stdout.readline().strip()
        assert begun.startswith(f"{BUNDLE} at http://127.0.0.1:")
        import httpx

        with httpx.Client(base_url=begun.split()[-1], trust_env=False, timeout=60) as client:
            answer = client.post("/predict", files=files(*SAMPLES)).json()["decisions"]
        port = begun.rpartition(":")[2]
        taken = CliRunner().invoke(app, ["serve", str(BUNDLE), "--port", port])
        assert (
            str(taken.exception) == f"--port: 127.0.0.1, port {port}: address already in use; --port 0 takes a free one"
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert process.stderr.read() == ""
    finally:
        process.kill()
        process.communicate()
    for found, row in zip(answer, said(BUNDLE, *SAMPLES), strict=True):
        assert_alike({**found, "input": row["input"]}, row)


@pytest.mark.parametrize(
    ("key", "where"), [("short", "SFUMATO_API_KEY"), ("有 a key that is long enough", "SFUMATO_API_KEY")]
)
def test_a_key_that_is_none(monkeypatch, key, where):
    monkeypatch.setenv("SFUMATO_API_KEY", key)
    done = CliRunner().invoke(app, ["serve", str(BUNDLE), "--port", "0"])
    assert str(done.exception) == f"{where}: no key; expected 16 or more ASCII characters without spaces"


def test_a_key_from_a_file(monkeypatch, tmp_path):
    from sfumato.serve.key import read_key

    (tmp_path / "key").write_text("0123456789abcdef\n")
    assert read_key(tmp_path / "key") == "0123456789abcdef"
    assert read_key(None) is None
    done = CliRunner().invoke(app, ["serve", str(BUNDLE), "--port", "0", "--key-file", str(tmp_path / "none")])
    assert str(done.exception) == f"{tmp_path / 'none'}: missing"


def test_without_the_extra_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr("sfumato.serve.extra.NEEDED", ("uvicorn", "no_such_library"))
    done = CliRunner().invoke(app, ["serve", str(BUNDLE)])
    assert str(done.exception) == "a service needs no_such_library; pip install 'sfumato[serve]'"
