"""A new image size reaches the very batch that asks for it, while the same workers live on."""

import os
from dataclasses import replace

import pytest
from tests.jobs import colours_of, job_of, tiny_model
from tests.plans import plan

from sfumato.data.augment import AugmentSpec
from sfumato.data.loading import Batch, Samples, batches
from sfumato.data.preprocess import Preprocess
from sfumato.training.draws import Draws
from sfumato.training.job import TrainSpec
from sfumato.training.loop import fit
from sfumato.training.stream import requests

HALF = (0.5, 0.5, 0.5)
RESIZED = (
    {"at": "0ep", "batch_size": 4},
    {"at": "2ep", "image_size": 48},
    {"at": "3ep", "batch_size": 6, "augment": 0},
)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return colours_of([8, 8, 8], tmp_path_factory.mktemp("colours"))


class Signed(Samples):
    """Batches that say which process made them."""

    def __getitems__(self, wanted):
        batch = super().__getitems__(wanted)
        return Batch(batch.images, batch.targets, (os.getpid(),))


@pytest.mark.parametrize("start", [0, 9, 12])
def test_batches_have_the_size_of_their_step_and_the_workers_live_on(table, start):
    p = plan(*RESIZED, samples=24)
    samples = Signed(table, Preprocess(48, "crop", "bilinear", HALF, HALF), AugmentSpec(crop=0.5), 0)
    workers = {"before": set(), "after": set()}
    for step, batch in enumerate(batches(samples, requests(p, table.targets, Draws(0), start), 2), start=start):
        size = 32 if step < 12 else 48
        assert batch.images.shape == (4 if step < 18 else 6, 3, size, size)
        workers["before" if step < 12 else "after"].update(batch.rows)
    assert step == p.steps - 1 == 21
    assert len(workers["after"]) == 2
    assert os.getpid() not in workers["after"]
    assert workers["before"] <= workers["after"]
    assert len(workers["before"]) == (2 if start < 12 else 0)


@pytest.mark.parametrize("workers", [0, 2])
def test_the_network_sees_them(table, tmp_path, workers):
    p = plan(*RESIZED, samples=24)
    job = replace(job_of(tiny_model(), p, TrainSpec(), train=table, folder=tmp_path), workers=workers)
    seen = []
    job.model.register_forward_pre_hook(lambda model, given: seen.append(tuple(given[0].shape)))
    fit(job, [])
    assert seen == 12 * [(4, 3, 32, 32)] + 6 * [(4, 3, 48, 48)] + 4 * [(6, 3, 48, 48)]
