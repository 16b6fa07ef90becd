"""A bundle answers the same wherever it is, and refuses to work once it is not what was made."""

import csv
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

import sfumato
from sfumato.bundle import folder as bundle_folder
from sfumato.errors import InputError
from sfumato.sealed import MANIFEST


@pytest.fixture(scope="module")
def pictures(small_run) -> list[str]:
    return sorted(str(path) for path in (small_run.folder.parent / "photos").rglob("*.png"))[::9]


@pytest.fixture
def copy(small_run, tmp_path) -> Path:
    return Path(shutil.copytree(small_run.bundle, tmp_path / "elsewhere" / "bundle"))


def cli(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "sfumato", *arguments], capture_output=True, text=True, check=False)


def test_same_answers_from_python_command_line_and_elsewhere(small_run, pictures, copy):
    here = sfumato.load(small_run.bundle).predict(pictures)
    moved = sfumato.load(copy).predict(pictures)
    assert [d.probabilities for d in here] == [d.probabilities for d in moved]
    done = cli("predict", str(copy), *pictures, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert [row["probabilities"] for row in said] == [d.probabilities for d in here]
    assert [row["label"] for row in said] == [d.label for d in here]


def test_same_answers_from_every_kind_of_input(small_run, pictures):
    model = sfumato.load(small_run.folder)
    path = Path(pictures[0])
    sources = [str(path), path, path.read_bytes(), Image.open(path), np.array(Image.open(path))]
    decisions = model.predict(sources)
    for decision in decisions:  # equal up to rounding: a kernel may sum the rows of a batch in another order
        assert decision.probabilities == pytest.approx(decisions[0].probabilities, abs=1e-6)
    assert decisions[0].input == str(path)
    assert decisions[4].input == "ndarray 4"


def test_one_row_an_input_in_order_bad_ones_too(small_run, pictures, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"not a picture")
    inputs = [pictures[0], str(broken), "missing.jpg", pictures[1]] * 20
    decisions = sfumato.load(small_run.bundle).predict(inputs)
    assert [d.input for d in decisions] == inputs
    assert [d.error for d in decisions[:4]] == [None, "not an image in any known format", "no such file", None]
    assert decisions[1].label is None
    assert decisions[1].probabilities == {}
    assert decisions[0].probabilities == pytest.approx(decisions[76].probabilities, abs=1e-6)


def test_decisions_agree_with_the_predictions_table(small_run):
    said = small_run.predictions["test"]
    root = small_run.folder.parent / "photos"
    model = sfumato.load(small_run.bundle)
    decisions = model.predict([root / name for name in said.ids])
    verdicts = model.policy.apply(said.logits)
    for i, decision in enumerate(decisions):
        expected = dict(zip(said.labels.names, verdicts.probabilities[i], strict=True))
        assert decision.probabilities == pytest.approx(expected, abs=1e-4)
        assert decision.abstained == bool(verdicts.abstained[i])
        assert (decision.label is None) == decision.abstained


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_files_of_decisions(small_run, pictures, tmp_path, suffix):
    from sfumato.outputs import form_of, write_decisions

    model = sfumato.load(small_run.bundle)
    decisions = [*model.predict(pictures), *model.predict(["missing.png"])]
    out = tmp_path / f"d{suffix}"
    write_decisions(decisions, out, form_of(model))
    if suffix == ".jsonl":
        rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
        assert [row["probabilities"] for row in rows] == [d.probabilities for d in decisions]
    elif suffix == ".parquet":
        rows = pl.read_parquet(out).to_dicts()
        assert rows[0]["p:条纹"] == decisions[0].probabilities["条纹"]
    else:
        rows = list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8"))))
        assert float(rows[0]["p:条纹"]) == decisions[0].probabilities["条纹"]
        assert rows[-1]["p:条纹"] == ""
    assert [row["input"] for row in rows] == [d.input for d in decisions]
    assert rows[-1]["error"] == "no such file"


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def reseal(folder: Path, **changes: object) -> None:
    """Make the manifest fit the files again, as somebody who knows how would."""
    import hashlib

    manifest = json.loads((folder / MANIFEST).read_text())
    files = [path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST]
    manifest["files"] = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }
    (folder / MANIFEST).write_text(json.dumps({**manifest, **changes}))


def wrong_sample(folder: Path) -> None:
    path = folder / "samples" / "expected.json"
    expected = json.loads(path.read_text())
    expected["sample-2"][0] += 0.5
    path.write_text(json.dumps(expected))
    reseal(folder)


def other_weights(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "weights.safetensors")
    weights["head.1.bias"] += 0.3
    save_file(weights, folder / "weights.safetensors")
    reseal(folder)


def other_model(folder: Path) -> None:
    path = folder / "model.json"
    path.write_text(path.read_text().replace("test_efficientnet", "test_resnet"))
    reseal(folder)


def rewrite(name: str, old: str, new: str):
    def change(folder: Path) -> None:
        path = folder / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        reseal(folder)

    return change


SPOILT = {
    "a flipped bit in the weights": (lambda f: flip_a_byte(f / "weights.safetensors"), "weights.safetensors: changed since it was written"),
    "a flipped bit in a sample": (lambda f: flip_a_byte(f / "samples" / "sample-0.png"), "sample-0.png: changed since it was written"),
    "another threshold": (lambda f: (f / "policy.json").write_text("{}"), "policy.json: changed since it was written"),
    "no weights": (lambda f: (f / "weights.safetensors").unlink(), "weights.safetensors: missing"),
    "no manifest": (lambda f: (f / MANIFEST).unlink(), "no manifest.json; expected a folder written by sfumato"),
    "a manifest that is no JSON": (lambda f: (f / MANIFEST).write_text("x"), "manifest.json: damaged"),
    "a manifest without files": (lambda f: (f / MANIFEST).write_text("{}"), "manifest.json: damaged: no list of files"),
    "the future": (lambda f: reseal(f, format=99, sfumato="9.0"), f"bundle format 99, written by sfumato 9.0; expected format {bundle_folder.FORMAT} or older; pip install 'sfumato>=9.0'"),
    "something else": (lambda f: reseal(f, kind="checkpoint"), "not a bundle; expected the folder `bundle` of a run"),
    "a wrong sample": (wrong_sample, "golden sample sample-2 gives"),
    "other weights, sealed again": (other_weights, "golden sample sample-"),
    "another model, sealed again": (other_model, "model.json: the weights do not fit test_resnet"),
    "an unknown backbone": (rewrite("model.json", "test_efficientnet", "test_efficientnat"), "timm has no 'test_efficientnat'"),
    "a policy without temperature": (rewrite("policy.json", "temperature", "warmth"), "policy.json: not a policy"),
    "a transform without size": (rewrite("transform.json", '"size"', '"sise"'), "transform.json: not a transform"),
    "labels that are none": (rewrite("labels.yaml", "id:", "nome:"), "labels.yaml:2: unknown key 'nome'"),
    "samples that are none": (rewrite("samples/expected.json", "sample-", "simple-"), "samples: damaged"),
}  # fmt: skip


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_bundle_is_refused_with_the_reason(copy, name):
    spoil, message = SPOILT[name]
    spoil(copy)
    with pytest.raises(InputError) as caught:
        sfumato.load(copy)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(copy) in str(caught.value) or "model.backbone" in str(caught.value)


def test_the_command_line_says_it_in_one_line(copy, pictures):
    flip_a_byte(copy / "weights.safetensors")
    done = cli("predict", str(copy), pictures[0])
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"sfumato: {copy}/weights.safetensors: changed since it was written")


def test_no_pickle_inside(small_run):
    names = {path.suffix for path in small_run.bundle.rglob("*") if path.is_file()}
    assert names == {".json", ".yaml", ".safetensors", ".png"}


def test_nothing_of_the_users_is_inside(small_run):
    folder = str(small_run.folder.parent).encode()
    assert not any(folder in path.read_bytes() for path in small_run.bundle.rglob("*") if path.is_file())
    users = {path.read_bytes() for path in (small_run.folder.parent / "photos").rglob("*.png")}
    assert not users & {path.read_bytes() for path in small_run.bundle.rglob("*") if path.is_file()}


def test_a_bundle_is_never_overwritten(small_run):
    with pytest.raises(InputError, match="there already"):
        bundle_folder.write_bundle(small_run.bundle, bundle_folder.read_bundle(small_run.bundle))


def test_no_bundle_there(tmp_path):
    with pytest.raises(InputError, match="no such bundle"):
        sfumato.load(tmp_path / "nothing")
