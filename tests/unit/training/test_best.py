"""The best weights, loaded again, score what they scored: whichever they are, and whatever head came after them."""

import pytest
from tests.jobs import colours_of, job_of, tiny_model
from tests.plans import plan

from sfumato.training.inference import predict_tasks
from sfumato.training.job import TrainSpec
from sfumato.training.keeper import Keeper
from sfumato.training.loop import fit
from sfumato.training.optimizer import AdamWSpec
from sfumato.training.records import EpochDone
from sfumato.training.validation import validate

KEYFRAMES = (
    {
        "at": "0ep",
        "batch_size": 12,
        "ema_decay": 0.8,
        "swa": {"lr": 0.01},
        "learn": {"head.*": 1.0, "backbone.4.*": 1.0, "*": "frozen"},
    },
    {"at": "2ep", "head": {"kind": "cosine", "start": "old_rows"}, "learn": {"*": 1.0}},
    {"at": "4ep", "head": {"kind": "mlp", "hidden": 8}, "head_warmup": "3st"},
)
"""Heads: linear in the first two epochs, then cosine for two, then hidden layers; averages begin, and the equal one anew with each."""
HEADS = ["linear", "linear", "cosine", "cosine", "mlp"]


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    return tuple(colours_of([16, 16, 16], tmp_path_factory.mktemp(part)) for part in ("train", "val"))


class History(list):
    """A listener that keeps the ends of epochs."""

    def __call__(self, record):
        if isinstance(record, EpochDone):
            self.append(record)

    def close(self):
        pass


def train(tables, folder, **options):
    p = plan(*KEYFRAMES, epochs=5, samples=48, lr=0.01)
    spec = TrainSpec(optimizer=AdamWSpec(lr=0.01), **options)
    job, history = job_of(tiny_model(), p, spec, train=tables[0], val=tables[1], folder=folder), History()
    fit(job, [history])
    return job, history


def scores(job):
    return validate(job.model, job.val, job.train.counts, job.preprocess, job.machine, 0, job.pictures).scores


@pytest.mark.parametrize(
    ("weights", "epoch"),
    [("raw", 1), ("ema", 1), ("swa", 1), ("raw", 2), ("ema", 3), ("swa", 3), ("raw", 4), ("ema", 4), ("swa", 4)],
)
def test_the_best_weights_score_the_same_again(tables, tmp_path, monkeypatch, weights, epoch):
    def wanted(self, progress, which, _, now):
        if (which, now) == (weights, epoch):
            progress.best_score = (1.0, 0.0)
            self.keep_as_best(progress, which, now)
        return (which, now) == (weights, epoch)

    monkeypatch.setattr(Keeper, "_keep_if_best", wanted)
    job, history = train(tables, tmp_path)
    assert [row.best for row in history] == [weights if e == epoch else None for e in range(5)]
    row, found = history[epoch].validation[weights], scores(job)
    assert found == pytest.approx(row, abs=1e-6)
    others = [r.validation[w]["loss"] for r in history for w in r.validation if (w, r.epoch) != (weights, epoch)]
    assert len(others) == 3 * 5 - 1
    assert min(abs(found["loss"] - other) for other in others) > 1e-6
    assert job.model.head_spec.kind == HEADS[epoch]
    assert not job.model.training
    said = predict_tasks(job.model, job.val, job.preprocess, job.machine, 0, exact=True, pictures=job.pictures)[""]
    assert said.logits.shape == (48, 3)


def test_the_best_is_the_highest_score_and_of_equals_the_lower_loss(tables, tmp_path):
    _, history = train(tables, tmp_path, select="accuracy")
    seen = [(r.epoch, w, r.validation[w]["accuracy"], -r.validation[w]["loss"]) for r in history for w in r.validation]
    best = max(seen, key=lambda one: one[2:])
    marked = [(row.epoch, row.best) for row in history if row.best]
    assert marked[-1] == best[:2]
    assert len(seen) == 15
