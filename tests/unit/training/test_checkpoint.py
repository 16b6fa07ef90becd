import hashlib
import json

import pytest
import torch

from sfumato import sealed
from sfumato.errors import InputError, RunError
from sfumato.training import checkpoint
from sfumato.training.checkpoint import Checkpoint, Progress, latest, load, save


def state(step: int, score: float = 0.5) -> Checkpoint:
    tensor = torch.arange(6.0).reshape(2, 3) + step
    return Checkpoint(
        Progress(step=step, best_score=(score, -1.0), best_epoch=0), {"w": tensor}, {"w/exp_avg": tensor}, {}
    )


def seal(folder, **changes):
    """Make the manifest fit the files again, as somebody who knows how would."""
    manifest = json.loads((folder / "manifest.json").read_text())
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    hashes.pop("manifest.json")
    (folder / "manifest.json").write_text(json.dumps({**manifest, "files": hashes, **changes}))


def rewrite(folder, text):
    (folder / "progress.json").write_text(text)
    seal(folder)


def write(folder, *steps):
    for step in steps:
        save(folder / "last", state(step), keep=folder / "previous")


def test_what_is_saved_is_loaded(tmp_path):
    write(tmp_path, 7)
    found = load(tmp_path / "last")
    assert found.progress == state(7).progress
    assert torch.equal(found.model["w"], state(7).model["w"])
    assert found.average == {}


def test_the_latest_wins_and_the_one_before_is_kept(tmp_path):
    write(tmp_path, 1, 2, 3)
    assert latest(tmp_path)[0].progress.step == 3
    assert load(tmp_path / "previous").progress.step == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last", "previous"]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda folder: (folder / "model.safetensors").write_bytes(b"x"), "changed since it was written"),
        (lambda folder: (folder / "model.safetensors").unlink(), "missing"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "damaged"),
        (lambda folder: (folder / "manifest.json").unlink(), "no manifest.json"),
        (lambda folder: (folder / "progress.json").write_text("{}"), "changed since it was written"),
        (lambda folder: rewrite(folder, "[]"), "damaged: Input should be an object"),
        (lambda folder: rewrite(folder, '{"step": "2"}'), "damaged: Input should be a valid integer"),
        (lambda folder: rewrite(folder, '{"step": -2}'), "damaged: Input should be greater than or equal to 0"),
        (lambda folder: rewrite(folder, '{"history": [{"epoch": 1}]}'), "damaged: Field required"),
        (lambda folder: rewrite(folder, '{"steps": 2}'), "damaged: unknown key 'steps'"),
        (lambda folder: rewrite(folder, "{"), "damaged: Invalid JSON"),
        (lambda folder: (folder / "progress.json").unlink() or seal(folder), "damaged: No such file"),
        (lambda folder: seal(folder, step="2"), "damaged: its manifest names no step"),
    ],
)
def test_a_damaged_one_is_skipped_with_a_warning(tmp_path, damage, reason):
    write(tmp_path, 1, 2)
    damage(tmp_path / "last")
    found, warnings = latest(tmp_path)
    assert found.progress.step == 1
    assert len(warnings) == 1
    assert warnings[0].startswith("skipped a damaged checkpoint: ")
    assert reason in warnings[0]


def test_none_left_says_so(tmp_path):
    with pytest.raises(InputError, match="no checkpoint to go on from; start the run anew with --out"):
        latest(tmp_path)
    write(tmp_path, 1)
    (tmp_path / "last" / "model.safetensors").write_bytes(b"x")
    with pytest.raises(InputError, match="skipped a damaged checkpoint"):
        latest(tmp_path)


def test_only_what_is_taken_is_read_whole(tmp_path, monkeypatch):
    write(tmp_path, 1, 2)
    read = []
    verify = checkpoint.verify
    monkeypatch.setattr(checkpoint, "verify", lambda folder: read.append(folder.name) or verify(folder))
    assert latest(tmp_path)[0].progress.step == 2
    assert read == ["last"]


class Crash(Exception):
    pass


@pytest.mark.parametrize("calls", range(1, 4))
def test_a_crash_between_any_two_renames_loses_nothing(tmp_path, monkeypatch, calls):
    write(tmp_path, 1, 2)
    rename, done = sealed.Path.rename, 0

    def crash(self, target):
        nonlocal done
        done += 1
        if done == calls:
            raise Crash
        return rename(self, target)

    monkeypatch.setattr(sealed.Path, "rename", crash)
    remove = sealed.shutil.rmtree

    def leave_work(path, **options):  # a killed process cleans nothing up
        if not path.name.startswith(".last."):
            remove(path, **options)

    monkeypatch.setattr(sealed.shutil, "rmtree", leave_work)
    try:
        write(tmp_path, 3)
        crashed = False
    except Crash:
        crashed = True
    monkeypatch.undo()
    assert crashed == (calls < 3)
    found, warnings = latest(tmp_path)
    assert found.progress.step >= 2
    assert not warnings
    write(tmp_path, 4)
    assert latest(tmp_path)[0].progress.step == 4


def test_a_full_disk_is_a_failed_run(tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "write_tensors", full)
    with pytest.raises(RunError, match="the checkpoint could not be written: No space left on device"):
        write(tmp_path, 1)
    assert not list(tmp_path.iterdir())


def test_a_manifest_cannot_point_outside(tmp_path):
    write(tmp_path, 1)
    path = tmp_path / "last" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["files"]["../../outside"] = "0" * 64
    path.write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="names a file outside the folder"):
        load(tmp_path / "last")


def test_a_later_format_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "FORMAT", 3)
    write(tmp_path, 1)
    monkeypatch.undo()
    with pytest.raises(InputError, match="checkpoint format 3; expected 2"):
        load(tmp_path / "last")
