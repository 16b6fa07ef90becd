"""Features are kept on the disk for whoever asks for the same, and for nobody else."""

import os
import time
from dataclasses import replace
from functools import partial

import polars as pl
import pytest
import torch
from tests.jobs import HALF, colours_of, job_of, tiny_model
from tests.pictures import picture

from sfumato.data.augment import AugmentSpec
from sfumato.data.text_variation import TextVariationSpec
from sfumato.models.heads import LinearHeadSpec, MlpHeadSpec
from sfumato.models.image_text import ImageText
from sfumato.models.missing import Missing
from sfumato.models.ngrams import Ngrams, NgramsSpec
from sfumato.training import features
from sfumato.training.feature_keys import Asked, store_name
from sfumato.training.features import Features, keep_features
from sfumato.training.frozen_phases import Stretch, kept_phases
from sfumato.training.job import Job, TrainSpec
from sfumato.training.keyframe import Keyframe
from sfumato.training.plan import make_plan
from sfumato.training.schedules import CosineSpec

VIEWS = AugmentSpec(views=2)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Eight samples of pictures that were there before anything looked at them."""
    made = colours_of([3, 3, 2], tmp_path_factory.mktemp("pictures"))
    time.sleep(0.02)
    return made


@pytest.fixture
def job(table, tmp_path, monkeypatch) -> Job:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return replace(made(tiny_model(), table), val=table)


def made(model, table, strength: float = 0.0, **spec) -> Job:
    frames = [Keyframe.model_validate({"at": "0ep", "augment": strength})]
    plan = make_plan(frames, CosineSpec(), base_lr=1e-3, epochs=2, samples=8, image_size=32, head=LinearHeadSpec())
    return job_of(model, plan, TrainSpec(precision="fp32", **spec), train=table, val=table)


def keep(job: Job) -> Features:
    return keep_features(job, Stretch(0, job.plan.steps, kept=True))


def test_they_are_computed_once_for_all_heads_losses_and_folds(job, table):
    first = keep(job)
    assert first.computed == 8  # validation shows the same pictures as training without augmentation
    other = made(tiny_model(head=MlpHeadSpec(hidden=4)), table)
    fold = replace(other, train=replace(table, rows=table.rows[[5, 1, 7]]), val=replace(table, rows=table.rows[:1]))
    again = keep(fold)
    assert again.computed == 0
    assert torch.equal(again.train[0], first.train[0][[5, 1, 7]])
    assert torch.equal(again.val, first.val[:1])


def test_in_memory_alone_nothing_is_kept_for_others(job):
    alone = replace(job, spec=job.spec.model_copy(update={"keep_features": "memory"}))
    assert [keep(alone).computed, keep(alone).computed] == [16, 16]


def other_weights(job: Job) -> Job:
    model = tiny_model()
    with torch.no_grad():
        model.backbone[0].bias[3] += 1e-3
    return replace(job, model=model)


def other_statistics(job: Job) -> Job:
    model = tiny_model()
    model.backbone[1].running_mean[0] += 1e-3
    return replace(job, model=model)


def other_structure(job: Job) -> Job:
    model = tiny_model()
    model.backbone[2] = torch.nn.ReLU6()
    return replace(job, model=model)


CHANGES = {
    "weights": other_weights,
    "statistics": other_statistics,
    "structure": other_structure,
    "fit": lambda job: replace(job, preprocess=replace(job.preprocess, fit="pad")),
    "size": lambda job: replace(job, preprocess=replace(job.preprocess, size=24)),
    "precision": lambda job: replace(job, spec=job.spec.model_copy(update={"precision": "bf16"})),
    "tf32": lambda job: replace(job, spec=job.spec.model_copy(update={"tf32": True})),
}


@pytest.mark.parametrize("change", CHANGES)
def test_features_that_would_be_others_are_computed_anew(job, change):
    keep(job)
    assert keep(CHANGES[change](job)).computed > 0


def image_text(window: int = 64, *, learnt: bool = True) -> ImageText:
    torch.manual_seed(0)
    towers = (torch.nn.Flatten(), Ngrams(NgramsSpec(width=4, buckets=16, window=window)))
    return ImageText(towers, 12, LinearHeadSpec(), 3, HALF, HALF, Missing((12, 4), 0.0) if learnt else None)


@pytest.mark.parametrize("other", [image_text(5), image_text(learnt=False)])
def test_how_texts_are_read_tells_features_apart(job, other):
    """The same weights, structure and files: nothing but a setting differs."""
    first, asked = image_text(), Asked(0, 2, 0.0, AugmentSpec(), trains=False)
    assert store_name(replace(job, model=first), asked) == store_name(replace(job, model=image_text()), asked)
    assert store_name(replace(job, model=first), asked) != store_name(replace(job, model=other), asked)


def of_several(table):
    """The same samples, each with two pictures, of which a draw shows one."""
    first, *_ = [images[0] for images in table.rows["images"].to_list()]
    rows = table.rows.with_columns(images=pl.concat_list("images", pl.lit([first])))
    return replace(table, rows=rows, pictures="random")


def test_a_picture_drawn_of_several_recurs_with_views_alone(job, table):
    """Without them every epoch draws another, however little is augmented; and which one the seed says."""
    frozen = [Keyframe.model_validate({"at": "0ep", "augment": 0, "learn": {"head.*": 1, "*": "frozen"}})]
    plan = make_plan(frozen, CosineSpec(), base_lr=1e-3, epochs=4, samples=8, image_size=32, head=LinearHeadSpec())
    one, several = replace(job, plan=plan), replace(job, plan=plan, train=of_several(table))
    assert kept_phases(one) and kept_phases(replace(one, train=replace(table, pictures="random")))
    assert not kept_phases(several)
    assert kept_phases(replace(several, augment=VIEWS))
    other = replace(several, augment=VIEWS, spec=job.spec.model_copy(update={"seed": 1}))
    assert [keep(replace(several, augment=VIEWS)).computed, keep(other).computed] == [24, 16]


def test_texts_that_vary_do_not_recur(job):
    frozen = [Keyframe.model_validate({"at": "0ep", "learn": {"head.*": 1, "*": "frozen"}})]
    plan = make_plan(frozen, CosineSpec(), base_lr=1e-3, epochs=4, samples=8, image_size=32, head=LinearHeadSpec())
    texts = replace(job, plan=plan, train=replace(job.train, pictures="none"))
    assert kept_phases(texts)
    assert not kept_phases(replace(texts, augment=AugmentSpec(texts=TextVariationSpec())))


def test_views_are_kept_each_by_sample_seed_and_settings(job, table):
    seen = partial(replace, augment=VIEWS, val=table.part("val"))
    first = keep(seen(made(tiny_model(), table, 0.5)))
    assert first.computed == 16
    assert not torch.equal(first.train[0], first.train[1])
    assert torch.equal(keep(seen(made(tiny_model(), table, 0.5))).train, first.train)
    assert keep(seen(made(tiny_model(), table, 0.5))).computed == 0
    for other in (made(tiny_model(), table, 0.6), made(tiny_model(), table, 0.5, seed=1)):
        assert keep(seen(other)).computed == 16
    assert keep(replace(seen(made(tiny_model(), table, 0.5)), augment=AugmentSpec(views=2, crop=0.9))).computed == 16


def test_pictures_are_told_apart_by_what_is_in_their_files(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "p").mkdir()
    table = colours_of([2, 2], tmp_path / "p")
    path = tmp_path / "p" / f"{table.ids[1]}.png"
    for each in (tmp_path / "p").iterdir():
        os.utime(each, (1, 1))
    assert keep(made(tiny_model(2), table)).computed == 4
    picture("disc", 5, 32).save(path)
    os.utime(path, (1, 1))
    assert keep(made(tiny_model(2), table)).computed == 1
    now = made(tiny_model(2), table)
    os.utime(path, (time.time() + 9, time.time() + 9))  # changed while the run is on its way: nobody else's
    assert [keep(now).computed, keep(made(tiny_model(2), table)).computed] == [2, 2]


def test_what_was_computed_before_a_stop_is_kept(job, monkeypatch):
    monkeypatch.setattr(features, "BATCH", 3)

    def stopping(items, _):
        for place, item in enumerate(items):
            if place == 2:
                raise KeyboardInterrupt
            yield item

    with pytest.raises(KeyboardInterrupt):
        keep(replace(job, show=stopping))
    assert keep(job).computed == 8 - 2 * 3
