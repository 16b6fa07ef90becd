"""Steps that begin at kept maps end at the same weights as those that begin at pictures."""

import time
from dataclasses import replace

import pytest
import torch
from tests.jobs import colours_of, job_of, tiny_model
from tests.plans import plan

from sfumato.data.augment import AugmentSpec
from sfumato.models.first_stages import FirstStages
from sfumato.training import feed, first_stages_trial, frozen_phases, kept_maps
from sfumato.training.frozen_phases import Stretch, first_stage_phases
from sfumato.training.job import TrainSpec
from sfumato.training.kept_maps import KeptMaps, keep_maps
from sfumato.training.loop import fit
from sfumato.training.optimizer import AdamWSpec
from sfumato.training.records import EpochDone, Noted, StepDone

LEARN = {"backbone.[01].*": "frozen", "*": 1}
FIRST = {"at": "0ep", "batch_size": 8, "augment": 0, "learn": LEARN}
PHASES = {
    "throughout": [FIRST],
    "averaged": [{**FIRST, "ema_decay": 0.8}],
    "both averages": [{**FIRST, "ema_decay": 0.8, "swa": {"lr": 0.01}}],
    "views": [{**FIRST, "augment": 0.5}],
    "after a head alone": [
        {**FIRST, "learn": {"head.*": 1, "*": "frozen"}, "ema_decay": 0.8},
        {"at": "2ep", "learn": LEARN},
    ],
    "between others": [
        {**FIRST, "learn": {"*": 1}},
        {"at": "1ep", "learn": LEARN, "head": {"kind": "cosine"}},
        {"at": "4ep", "learn": {"*": 1}, "mixup_alpha": 0.2},
    ],
}


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    made = tuple(colours_of([8, 8, 5], tmp_path_factory.mktemp(part)) for part in ("train", "val"))
    time.sleep(0.02)  # pictures that are older than the run
    return made


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(first_stages_trial, "LEAST_A_BYTE", 0)
    monkeypatch.setattr(frozen_phases, "LEAST_AGAIN", 21)


class Told(list):
    """A listener that keeps the ends of epochs and what was said, and may have the run end like a kill."""

    def __init__(self, stop_at=None):
        super().__init__()
        self.stop_at, self.said = stop_at, []

    def __call__(self, record):
        if isinstance(record, EpochDone):
            self.append(record)
        if isinstance(record, Noted):
            self.said.append(record.text)
        if isinstance(record, StepDone) and record.step == self.stop_at:
            raise KeyboardInterrupt

    def close(self):
        pass


def made(tables, *keyframes, folder="nowhere", augment=None, epochs=5, model=None, **spec):
    given = TrainSpec(optimizer=AdamWSpec(lr=0.01), **spec)
    p = plan(*keyframes, epochs=epochs, samples=21, lr=0.01)
    job = job_of(model or tiny_model(), p, given, train=tables[0], val=tables[1], folder=folder)
    return replace(job, augment=augment or AugmentSpec())


def trained(job, *, resume=False):
    told = Told()
    fit(job, [told], resume=resume)
    return job.model.state_dict(), told


def apart(one, other) -> float:
    return max(float((one[name].double() - other[name].double()).abs().max()) for name in one)


@pytest.mark.parametrize("phases", PHASES)
@pytest.mark.parametrize("accumulate", [1, 2])
def test_the_same_weights_as_without(tables, tmp_path, monkeypatch, phases, accumulate):
    augment = AugmentSpec(views=2) if phases == "views" else None
    options = {"augment": augment, "accumulate": accumulate}
    once, told = trained(made(tables, *PHASES[phases], folder=tmp_path / "once", **options))
    assert sum(text.startswith("maps behind backbone.3 of 21 images computed once") for text in told.said) == 1
    monkeypatch.setattr(feed, "first_stage_phases", lambda job: ())
    each, plain = trained(made(tables, *PHASES[phases], folder=tmp_path / "each", **options))
    assert apart(once, each) < 1e-6
    for one, other in zip(told, plain, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, abs=1e-6)
        for which, scores in one.validation.items():
            assert scores["loss"] == pytest.approx(other.validation[which]["loss"], abs=1e-6)


def test_steps_of_the_phase_compute_no_first_stage(tables, tmp_path):
    job, computed = made(tables, FIRST, folder=tmp_path), []
    one = job.model.backbone[0]

    def note(module, _, output):
        if module is one and output.stride(0):  # a copy is tried; what is passed over gives one number for all
            computed.append(len(output))

    one.register_forward_hook(note)
    _, told = trained(job)
    assert len(told) == 5
    assert (
        sum(computed) == 3 * 8 + 2 * 8
    )  # three batches, as validation has the same pictures; and a look at some of both


@pytest.mark.parametrize("keep", ["disk", "memory"])
def test_a_run_that_was_killed_ends_with_the_same_weights(tables, tmp_path, keep):
    frames = PHASES["between others"]
    whole, _ = trained(made(tables, *frames, folder=tmp_path / "whole", keep_features=keep))
    with pytest.raises(KeyboardInterrupt):
        fit(made(tables, *frames, folder=tmp_path / "killed", keep_features=keep), [Told(stop_at=5)])
    gone_on, told = trained(made(tables, *frames, folder=tmp_path / "killed", keep_features=keep), resume=True)
    assert apart(whole, gone_on) == 0
    known = ", 42 of 42 by an earlier run" if keep == "disk" else ""
    assert any(f"computed once (7 kB each{known})" in text for text in told.said)


def keep(job) -> KeptMaps:
    found = keep_maps(job, Stretch(0, job.plan.steps, kept=False, first_stages=True))
    assert isinstance(found, KeptMaps)
    return found


def test_they_are_shared_by_whoever_has_the_same_first_stages(tables):
    assert keep(made(tables, FIRST)).computed == 21  # validation has the same pictures
    other = tiny_model()
    with torch.no_grad():
        other.backbone[4].weight += 1
    assert keep(made(tables, FIRST, model=other)).computed == 0
    with torch.no_grad():
        other.backbone[1].running_mean += 1e-3
    assert keep(made(tables, FIRST, model=other)).computed == 21
    assert keep(made(tables, FIRST, augment=AugmentSpec(views=2))).computed == 0


def test_what_no_longer_fits_is_not_used(tables, monkeypatch):
    """Maps of other weights under the same name, as no key could tell."""
    keep(made(tables, FIRST))
    monkeypatch.setattr(kept_maps, "store_name", lambda *_: "one")
    keep(made(tables, FIRST))
    other = tiny_model()
    with torch.no_grad():
        other.backbone[0].weight += 1
    job = made(tables, FIRST, model=other)
    found = keep_maps(job, Stretch(0, job.plan.steps, kept=False, first_stages=True))
    assert found == "their maps give other features than their pictures"


def test_more_than_the_disk_may_hold_is_not_kept(tables, monkeypatch):
    job = made(tables, FIRST)
    monkeypatch.setattr(kept_maps, "MOST_MAPPED", 300e3)
    found = keep_maps(job, Stretch(0, job.plan.steps, kept=False, first_stages=True))
    assert found == "maps of 21 images would take 0.0 GB, and at most 0 are kept"


def test_another_size_in_validation_and_no_validation(tables, tmp_path):
    small = replace(made(tables, {**FIRST, "image_size": 24}), preprocess=replace(made(tables).preprocess, size=40))
    kept = keep(small)
    assert (kept.first.shape, kept.first_of_val.shape) == ((8, 11, 11), (8, 19, 19))
    assert kept.features_of_val(small).shape == (21, 16)
    job = made(tables, FIRST, folder=tmp_path)
    _, told = trained(replace(job, val=job.train.part("val")))
    assert any("computed once" in text for text in told.said)


def test_a_disk_that_keeps_nothing(tables, monkeypatch):
    monkeypatch.setattr(kept_maps.RowStore, "add", lambda *_: None)
    job = made(tables, FIRST)
    found = keep_maps(job, Stretch(0, job.plan.steps, kept=False, first_stages=True))
    assert found == "the disk has no room for their maps"


def test_16_bits_are_kept_as_they_are():
    first = FirstStages("", (), {}, (), (2, 3, 3), torch.bfloat16, 32)
    maps = torch.randn(4, 2, 3, 3).bfloat16()
    rows = list(maps.movedim(1, -1).contiguous().view(torch.uint16).numpy())
    assert torch.equal(kept_maps.stacked(rows, first), maps)


def test_few_images_are_not_worth_a_trial(tables, monkeypatch):
    monkeypatch.setattr(frozen_phases, "LEAST_AGAIN", 4 * 21 + 1)
    assert not first_stage_phases(made(tables, FIRST, epochs=5))
    assert first_stage_phases(made(tables, FIRST, epochs=6))


@pytest.mark.parametrize(
    ("keyframes", "options", "asked"),
    [
        ([FIRST], {}, True),
        ([{**FIRST, "augment": 1}], {}, False),
        ([{**FIRST, "augment": 1}], {"augment": AugmentSpec(views=2)}, True),
        ([{**FIRST, "augment": 1}], {"augment": AugmentSpec(views=5)}, False),
        ([{**FIRST, "mixup_alpha": 0.2}], {}, False),
        ([{**FIRST, "cutmix_alpha": 0.2}], {}, False),
        ([{**FIRST, "learn": {"*": 1}}], {}, False),
        ([{**FIRST, "learn": {"head.*": 1, "*": "frozen"}}], {}, False),
        ([FIRST], {"gradient_checkpointing": True}, False),
        ([FIRST], {"compile": True}, False),
        ([{**FIRST, "learn": {"*": 1}, "ema_decay": 0.9}, {"at": "2ep", "learn": LEARN}], {}, False),
    ],
)
def test_phases_in_which_they_are_looked_for(tables, keyframes, options, asked):
    assert bool(first_stage_phases(made(tables, *keyframes, **options))) == asked
