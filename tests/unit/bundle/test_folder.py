"""Bundles that somebody changed and sealed again: every one is refused in one line that names the file."""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import sfumato
from sfumato.bundle import folder as bundle_folder
from sfumato.bundle.samples import Sample
from sfumato.decision.averaging import averaged
from sfumato.decision.policies import policies_from_dict
from sfumato.errors import InputError
from sfumato.sealed import MANIFEST

BUNDLE = Path(__file__).parents[2] / "golden" / "bundle-format-1"
DEEP = "[" * 100_000


@pytest.fixture
def copy(tmp_path) -> Path:
    return Path(shutil.copytree(BUNDLE, tmp_path / "bundle"))


def seal(folder: Path, **changes: object) -> None:
    """A manifest that fits the files."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST]
    hashes = {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    manifest = {"kind": "sfumato-bundle", "format": 1, "sfumato": "0.1.0", "files": hashes, **changes}
    (folder / MANIFEST).write_text(json.dumps(manifest))


def refused(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        sfumato.load(folder, device="cpu")
    text = str(caught.value)
    assert "\n" not in text
    assert text.isprintable()
    assert "__" not in text.replace(str(folder), "")
    assert len(text) < 700
    return text


def document(name: str, key: str, value: object) -> Callable[[Path], None]:
    """Sets `a.b` in a JSON file; as text, so that NaN and the like get in."""

    def change(folder: Path) -> None:
        content = json.loads((folder / name).read_text())
        *parents, last = key.split(".")
        inner = content
        for parent in parents:
            inner = inner[parent]
        inner[last] = value
        (folder / name).write_text(json.dumps(content))

    return change


def without(name: str, key: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        content = json.loads((folder / name).read_text())
        *parents, last = key.split(".")
        inner = content
        for parent in parents:
            inner = inner[parent]
        del inner[last]
        (folder / name).write_text(json.dumps(content))

    return change


def text(name: str, content: str | bytes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    return change


def rename(old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        expected = json.loads((folder / "samples/expected.json").read_text())
        (folder / "samples/expected.json").write_text(json.dumps({new: expected.pop(old), **expected}))

    return change


NAN, INFINITE = float("nan"), float("inf")
POLICY, TRANSFORM, EXPECTED, MODEL = "policy.json", "transform.json", "samples/expected.json", "model.json"
CHANGED = {
    **{f"temperature {value}": (document(POLICY, "temperature.value", value), "policy.json: not a policy: temperature.value")
       for value in (-1, 0, [1], "2", None, True)},
    "temperature NaN": (document(POLICY, "temperature.value", NAN), "policy.json: damaged: NaN is no number in JSON"),
    "temperature Infinity": (document(POLICY, "temperature.value", INFINITE), "policy.json: damaged: Infinity is no"),
    "temperature 1e999": (text(POLICY, '{"temperature": {"value": 1e999, "samples": 3}, "abstention": null}'), "temperature.value should be a finite number"),
    **{f"samples {value}": (document(POLICY, "temperature.samples", value), "not a policy: temperature.samples should be")
       for value in ("x", None, -1, 2.5)},
    **{f"threshold {value}": (document(POLICY, "abstention.threshold", value), "not a policy: abstention.threshold should be")
       for value in ("x", None, 7, -0.1)},
    "no value": (without(POLICY, "temperature.value"), "policy.json: not a policy: temperature.value is missing"),
    "no abstention": (without(POLICY, "abstention"), "policy.json: not a policy: abstention is missing"),
    "an unknown key": (document(POLICY, "colour", 1), "policy.json: not a policy: colour is unknown"),
    "an unknown key inside": (document(POLICY, "temperature.warmth", 1), "not a policy: temperature.warmth is unknown"),
    "a policy that is a list": (text(POLICY, "[]"), "policy.json: damaged: no object in it"),
    "a policy that is a text": (document(POLICY, "temperature", "x"), "policy.json: not a policy: temperature should be"),
    **{f"size {value}": (document(TRANSFORM, "size", value), "transform.json: not a transform: size should be")
       for value in ("32", None, 0, -3, 32.5, 1e9, 10**9)},
    **{f"interpolation {value}": (document(TRANSFORM, "interpolation", value), "not a transform: interpolation should be 'bilinear' or 'bicubic'")
       for value in ("foo", None, [])},
    "an unknown fit": (document(TRANSFORM, "fit", "foo"), "transform.json: not a transform: fit should be 'crop', 'pad' or 'stretch'"),
    "a mean of two": (document(TRANSFORM, "mean", [0.5, 0.5]), "transform.json: not a transform: mean.2 is missing"),
    "a mean of four": (document(TRANSFORM, "mean", [0.5] * 4), "transform.json: not a transform: mean"),
    "a mean of text": (document(TRANSFORM, "mean", "abc"), "transform.json: not a transform: mean should be a valid"),
    "a std of 0": (document(TRANSFORM, "std", [0.2, 0, 0.2]), "not a transform: std.1 should be greater than 0"),
    "a std of text": (document(TRANSFORM, "std", ["x", 1, 1]), "not a transform: std.0 should be a valid number"),
    **{f"expected {value}": (document(EXPECTED, "sample-0", value), "expected.json: ")
       for value in ([], [1.0], [1.0] * 9, ["a", "b", "c"], None, 3, [[1.0, 2.0, 3.0]], {"a": 1}, [True, 1.0, 2.0])},
    "expected NaN": (document(EXPECTED, "sample-0", [NAN, 1, 2]), "expected.json: damaged: NaN is no number in JSON"),
    "expected Infinity": (document(EXPECTED, "sample-0", [1, INFINITE, 2]), "expected.json: damaged: Infinity is no"),
    "expected 1e999": (text(EXPECTED, '{"sample-0": [1e999, 1, 2]}'), "logits.sample-0.0 should be a finite number"),
    "no expectation": (text(EXPECTED, "{}"), "expected.json: no golden sample"),
    "a sample elsewhere": (rename("sample-1", "../../x"), "'../../x' is no name of a sample"),
    "a sample with a path": (rename("sample-1", "/etc/x"), "'/etc/x' is no name of a sample"),
    "a sample with NUL": (rename("sample-1", "a\0b"), "damaged: sample 'a\\x00b'"),
    "a sample with a long name": (rename("sample-1", "x" * 5000), "damaged: sample 'xxx"),
    "a sample that is a bomb": (lambda f: Image.new("1", (20_000, 10_000)).save(f / "samples/sample-1.png"), "sample 'sample-1': claims more than"),
    "a sample that is none": (text("samples/sample-1.png", "x"), "samples: damaged: sample 'sample-1': not an image"),
    **{f"no {name}": (lambda f, name=name: (f / name).unlink(), f"{name}: missing")
       for name in ("labels.yaml", "recipe.yaml", POLICY, TRANSFORM, MODEL, "results.json", EXPECTED)},
    **{f"{name} not in UTF-8": (text(name, b"\xff\xfe{"), f"{name}: damaged: not UTF-8 text (byte 0)")
       for name in ("labels.yaml", "recipe.yaml", POLICY, MODEL)},
    **{f"a deep {name}": (text(name, DEEP), f"{name}: damaged: ") for name in (MODEL, POLICY, EXPECTED)},
    "a doubled class": (text("labels.yaml", "labels: [{id: a}, {id: b}, {id: a}]"), "labels.yaml:1: class 'a' stands twice"),
    "a blank class": (text("labels.yaml", "labels: [{id: a}, {id: ' '}, {id: c}]"), "labels.yaml:1: a class without id"),
    "an empty class": (text("labels.yaml", "labels: [a, '', c]"), "labels.yaml:1: a class without id"),
    "a model of other types": (document(MODEL, "drop_path", "0.1"), "model.json: not a model: drop_path should be a valid number"),
    "a model of an unknown head": (document(MODEL, "head.kind", "neck"), "model.json: not a model: head"),
    "a model with more": (document(MODEL, "colour", 1), "model.json: not a model: colour is unknown"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGED)
def test_what_was_changed_and_sealed_again_is_refused(copy, name):
    change, message = CHANGED[name]
    change(copy)
    seal(copy)
    assert message in refused(copy)


def test_sealing_again_alone_changes_nothing(copy):
    seal(copy)
    assert sfumato.load(copy, device="cpu").labels


FORMATS = {
    **{str(number): (number, f"damaged: bundle format {number!r}; expected a number from 1 to 7")
       for number in (0, -1, True, "1", None, 1.0, [1])},
    "8": (8, "bundle format 8, written by sfumato 0.1.0; expected format 7 or older; pip install"),
    "7": (7, "damaged: stages are missing; expected stages/products, and a stage before it"),
    "4": (4, "damaged: 0 members; expected members/0, members/1 and so on"),
    "2": (2, "damaged: 0 networks to average; expected weights-0.safetensors"),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMATS)
def test_formats_that_are_none(copy, name):
    number, message = FORMATS[name]
    seal(copy, format=number)
    assert message in refused(copy)


def files(copy: Path) -> dict[str, str]:
    return json.loads((copy / MANIFEST).read_text())["files"]


def test_a_manifest_that_lists_nothing_vouches_for_nothing(copy):
    seal(copy, files={})
    assert "labels.yaml: not in the manifest; remove it, or restore" in refused(copy)


def test_a_file_that_was_struck_off(copy):
    hashes = files(copy)
    del hashes["policy.json"]
    seal(copy, files=hashes)
    assert "policy.json: not in the manifest" in refused(copy)


def test_a_file_that_was_added(copy):
    (copy / "samples" / "more.bin").write_bytes(b"x")
    assert "samples/more.bin: not in the manifest" in refused(copy)


@pytest.mark.parametrize(
    ("name", "message"),
    [("a\0b", r"'a\x00b': missing"), ("x" * 5000, "xxx': missing"), ("a\nb", r"'a\nb': missing"), ("", ": missing"),
     ("../outside", "names a file outside"), ("/etc/passwd", "names a file outside"), ("samples", "samples: missing")],
)  # fmt: skip
def test_names_no_file_has(copy, name, message):
    seal(copy, files={**files(copy), name: "0" * 64})
    assert message in refused(copy)


@pytest.mark.parametrize("digest", [None, 7, [], {}])
def test_hashes_that_are_none(copy, digest):
    seal(copy, files={**files(copy), "policy.json": digest})
    assert "policy.json: " in refused(copy)


def test_a_link_that_leads_outside(copy, tmp_path):
    shutil.move(copy / "recipe.yaml", tmp_path / "recipe.yaml")
    (copy / "recipe.yaml").symlink_to(tmp_path / "recipe.yaml")
    assert "recipe.yaml: a link to a file outside the folder" in refused(copy)


@pytest.mark.parametrize("content", [DEEP, "[]", "", "null", '{"kind": NaN}', "{" + '"a":{' * 50_000])
def test_a_manifest_of_another_shape(copy, content):
    (copy / MANIFEST).write_text(content)
    assert f"{MANIFEST}: damaged: " in refused(copy)


def test_several_networks_are_averaged_and_an_older_program_refuses_them(tmp_path, monkeypatch):
    alone = bundle_folder.read_bundle(BUNDLE)
    bundle_folder.write_bundle(tmp_path / "bundle", replace(alone, members=alone.members * 2, samples=_shifted(alone)))
    given = [sample.pixels for sample in alone.samples]
    one, two = (sfumato.load(path, device="cpu").predict(given) for path in (BUNDLE, tmp_path / "bundle"))
    assert [d.label for d in one] == [d.label for d in two]
    assert [d.confidence for d in one] == pytest.approx([d.confidence for d in two], abs=1e-5)
    monkeypatch.setattr(bundle_folder, "FORMAT", 1)
    assert "bundle format 2, written by sfumato" in refused(tmp_path / "bundle")


def _shifted(bundle: bundle_folder.Bundle) -> tuple[Sample, ...]:
    """What two equal members must give: the same up to a constant, by which no decision changes."""
    policy = policies_from_dict(bundle.policy, bundle.tasks, "policy.json")[""]
    logits = averaged(np.array([[sample.logits for sample in bundle.samples]] * 2), policy)
    return tuple(
        replace(sample, logits=tuple(row)) for sample, row in zip(bundle.samples, logits.tolist(), strict=True)
    )


def test_networks_that_were_taken_away_and_sealed_again(tmp_path):
    alone = bundle_folder.read_bundle(BUNDLE)
    copy = tmp_path / "bundle"
    bundle_folder.write_bundle(copy, replace(alone, members=alone.members * 3, samples=_shifted(alone)))
    (copy / "weights-1.safetensors").unlink()
    seal(copy, format=2)
    assert "weights-1.safetensors" in refused(copy)
    (copy / "weights-2.safetensors").unlink()
    seal(copy, format=2)
    assert "damaged: 1 networks to average; expected weights-0.safetensors, weights-1" in refused(copy)
