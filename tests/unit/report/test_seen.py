from pathlib import Path

import pytest
import torch

from sfumato.data.loading import Samples
from sfumato.data.mixing import Mixing, mix, one_hot
from sfumato.preparation.prepare import prepare_again
from sfumato.report import thumbnails
from sfumato.report.seen import phase_title, phases
from sfumato.training.draws import Draws
from sfumato.training.stream import requests


def test_the_pictures_are_those_training_saw(make_run):
    prepared = prepare_again(make_run())
    train = prepared.table.part("train")
    samples = Samples(train, prepared.preprocess, prepared.recipe.augment, prepared.recipe.train.seed)
    found = phases(prepared)
    assert [phase.epoch for phase in found] == [0, 2, 4]
    for phase in found:
        batch = next(requests(prepared.plan, train.targets, Draws(prepared.recipe.train.seed), phase.step))
        whole = samples.__getitems__(batch)
        settings = prepared.plan.at(phase.step)
        images, targets = mix(
            whole.images, one_hot(whole.targets[:, 0], 2), settings.mixing, prepared.recipe.train.seed, settings.step
        )
        assert len(images) == 10
        assert [p.thumbnail for p in phase.pictures] == [thumbnails.of_tensor(image) for image in images[:8]]
        assert torch.isclose(targets.sum(dim=1), torch.ones(10)).all()
    assert phase_title(found[1]) == "From epoch 2, step 8"
    assert found[1].text == "32 px, augmentation 1, everything learns, mixup 0.4"
    assert len(found[0].pictures[0].labels) in (1, 2)


@pytest.mark.parametrize("alphas", [(0.4, 0.0), (0.0, 1.0), (0.4, 1.0)])
def test_the_first_pictures_of_a_batch_are_mixed_with_each_other_and_with_its_last(alphas):
    images, targets = torch.randint(0, 256, (20, 3, 16, 16), dtype=torch.uint8), torch.eye(20)
    for step in range(20):
        mixing = Mixing(*alphas)
        whole = mix(images, targets, mixing, seed=0, step=step)
        part = mix(images[[*range(8), 19]], targets[[*range(8), 19]], mixing, seed=0, step=step)
        assert torch.equal(whole[0][:8], part[0][:8])
        assert torch.equal(whole[1][:8], part[1][:8])


def test_a_missing_file_leaves_its_place_empty(make_run):
    prepared = prepare_again(make_run())
    train = prepared.table.part("train")
    last = phases(prepared)[-1]  # not mixed
    gone = next(requests(prepared.plan, train.targets, Draws(prepared.recipe.train.seed), last.step))[3]
    Path(train.first_images[gone.row]).unlink()
    again = phases(prepared)[-1]
    assert [p.thumbnail is None for p in again.pictures] == [place == 3 for place in range(8)]
    assert again.pictures[3].file == Path(train.first_images[gone.row]).name


def test_a_picture_mixed_with_a_missing_one_is_not_shown(make_run):
    prepared = prepare_again(make_run())
    train = prepared.table.part("train")
    batch = next(requests(prepared.plan, train.targets, Draws(prepared.recipe.train.seed), 0))
    Path(train.first_images[batch[-1].row]).unlink()
    first = phases(prepared)[0].pictures
    assert [p.thumbnail is None for p in first] == [True, *[False] * 7]
