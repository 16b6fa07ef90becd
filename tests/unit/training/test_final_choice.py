"""What is made after the last step: of what, with which score, kept or not, and the same where a run was cut off."""

import csv
import json

import numpy as np
import pytest
import torch
from tests.jobs import colours_of, job_of, tiny_model
from tests.plans import plan

from sfumato import sealed
from sfumato.models.heads import CosineHeadSpec
from sfumato.training import checkpoint
from sfumato.training.epoch_images import images_of
from sfumato.training.final_choice import FinalChoice
from sfumato.training.inference import predict_tasks
from sfumato.training.interpolation import InterpolateSpec
from sfumato.training.job import TrainSpec
from sfumato.training.keeper import Keeper
from sfumato.training.listeners import CsvAverages
from sfumato.training.loop import fit
from sfumato.training.optimizer import AdamWSpec
from sfumato.training.records import AveragesDone, EpochDone, Noted
from sfumato.training.soup import SoupSpec, mean_of
from sfumato.training.start_weights import start_weights
from sfumato.training.validation import validate

EPOCHS = 6
STAGES = (
    {"at": "0ep", "batch_size": 12, "ema_decay": 0.8, "learn": {"head.*": 1.0, "*": "frozen"}},
    {"at": "1ep", "learn": {"*": 1.0}},
)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Four classes whose colours overlap, so that epochs differ in their scores."""
    return tuple(colours_of([16, 14, 12, 10], tmp_path_factory.mktemp(part), 24) for part in ("train", "val"))


class Watcher(list):
    def __call__(self, record):
        if isinstance(record, EpochDone | AveragesDone | Noted):
            self.append(record)

    def close(self):
        pass

    def of(self, kind):
        return [record for record in self if isinstance(record, kind)]


def job(tables, folder, *, stages=STAGES, head=None, **options):
    p = plan(*stages, epochs=EPOCHS, samples=52, lr=0.03, head=head, image_size=24)
    spec = TrainSpec(optimizer=AdamWSpec(lr=0.03), select="accuracy", **options)
    return job_of(tiny_model(4, head), p, spec, train=tables[0], val=tables[1], folder=folder, size=24)


def scores(of):
    return validate(of.model, of.val, of.train.counts, of.preprocess, of.machine, 0, of.pictures).scores


@pytest.fixture(scope="module")
def kept_apart(tables, tmp_path_factory):
    """A training with both, its ingredients and start copied before they were removed."""
    folder = tmp_path_factory.mktemp("checkpoints")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Keeper, "clear_made_from", lambda self: None)
        done, watcher = job(tables, folder, soup=SoupSpec(epochs=3), interpolate=InterpolateSpec()), Watcher()
        fit(done, [watcher, CsvAverages(folder / "averages.csv")])
    return done, watcher, folder


def test_ingredients_are_the_best_epochs(kept_apart):
    _, watcher, folder = kept_apart
    standings = [
        max((row.validation[w]["accuracy"], -row.validation[w]["loss"]) for w in row.validation)
        for row in watcher.of(EpochDone)
    ]
    best = sorted(range(EPOCHS), key=lambda epoch: standings[epoch], reverse=True)[:3]
    progress = checkpoint.load(folder / "last").progress
    assert [one.epoch for one in progress.ingredients] == best
    assert {folder / f"ingredient-{epoch:06d}" for epoch in best} <= set(folder.glob("ingredient-*"))
    assert progress.ingredients[0].score == max(standings)


def test_every_average_reports_the_score_it_has(kept_apart, tables):
    """The mean of the ingredients that it names, with statistics of its own, scores what is said of it."""
    _, watcher, folder = kept_apart
    (averages,) = watcher.of(AveragesDone)
    assert [row.weights for row in averages.rows] == ["raw", "ema", "soup", *["interpolation"] * 6]
    assert sum(row.kept for row in averages.rows) == 1
    soup = next(row for row in averages.rows if row.weights == "soup")
    again = job(tables, folder)
    again.model.load_state_dict(mean_of(checkpoint.load(folder / f"ingredient-{e:06d}").model for e in soup.epochs))
    if len(soup.epochs) > 1:
        torch.optim.swa_utils.update_bn(images_of(again, EPOCHS - 1), again.model.train())
    again.model.eval()
    assert scores(again) == pytest.approx(soup.scores, abs=1e-6)


def test_what_is_kept_scores_what_it_scored_and_best_of_all(kept_apart):
    done, watcher, folder = kept_apart
    (averages,) = watcher.of(AveragesDone)
    kept = next(row for row in averages.rows if row.kept)
    assert scores(done) == pytest.approx(kept.scores, abs=1e-6)
    assert kept.scores["accuracy"] == max(row.scores["accuracy"] for row in averages.rows)
    progress = checkpoint.load(folder / "best").progress
    assert (progress.best_weights, progress.best_epoch) == (kept.weights, kept.epochs[0])
    assert checkpoint.load(folder / "last").progress.averages == list(averages.rows)
    with (folder / "averages.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["accuracy"]) for row in rows] == [row.scores["accuracy"] for row in averages.rows]
    assert [row["alpha"] for row in rows] == ["", "", "", "0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
    assert watcher.of(Noted)[-1].text.startswith("kept: ")


def test_the_sweep_runs_from_the_start_to_the_best_weights(kept_apart):
    done, watcher, folder = kept_apart
    rows = [row for row in watcher.of(AveragesDone)[0].rows if row.alpha is not None]
    first, last = watcher.of(EpochDone)[0], rows[-1]
    start = checkpoint.load(folder / "start")
    assert start.progress.step == done.plan.clock.starts[1]
    assert rows[0].scores == pytest.approx(first.validation["raw"], abs=1e-6)  # the backbone was frozen until then
    others = [row for row in watcher.of(AveragesDone)[0].rows if row.alpha is None]
    assert last.scores["accuracy"] == max(row.scores["accuracy"] for row in others)


def test_nothing_is_left_of_what_they_were_made_of(tables, tmp_path):
    fit(job(tables, tmp_path, soup=SoupSpec(epochs=2), interpolate=InterpolateSpec(alphas=(0.5,))), [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best", "last", "previous"]


@pytest.mark.parametrize("cut_off", ["reading", "best", "renaming", "last", "clearing"])
def test_cut_off_after_the_last_step_the_choice_is_the_same(tables, tmp_path, monkeypatch, cut_off):
    """A soup is made to win, an interpolation of it too, and what was made is written at the second attempt."""
    monkeypatch.setattr(FinalChoice, "_score", lambda self, made: 2 + len(made.row.epochs) + (made.row.alpha == 0.5))
    options = {"soup": SoupSpec(epochs=3), "interpolate": InterpolateSpec(alphas=(0.5,))}
    whole, watcher = job(tables, tmp_path / "whole", **options), Watcher()
    fit(whole, [watcher])
    with pytest.MonkeyPatch.context() as patch:
        _break(patch, cut_off)
        with pytest.raises(KeyboardInterrupt):
            fit(job(tables, tmp_path / "cut", **options), [])
    again, second = job(tables, tmp_path / "cut", **options), Watcher()
    fit(again, [second], resume=True)
    progress = checkpoint.load(tmp_path / "cut/last").progress
    assert (progress.best_weights, len(progress.averages[2].epochs)) == ("interpolation", 3)
    assert second.of(AveragesDone) == watcher.of(AveragesDone)
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, again.model.state_dict()[name]), name
    assert sorted(path.name for path in (tmp_path / "cut").iterdir()) == ["best", "last", "previous"]


def _break(patch, where):
    """Have the choice stop: before anything is written, before or after `best` is, or once all is.

    `renaming` is the moment at which the former `best` is away and the new one has its working name still.
    """

    def stop(*_, **__):
        raise KeyboardInterrupt

    def stop_between(work, target, keep):
        swap(work, target, keep)
        if target.name == "best" and json.loads((target / "progress.json").read_text())["averages"]:
            target.rename(target.with_name(".best.cut-off"))
            stop()

    swap = sealed._swap
    if where == "renaming":
        patch.setattr(sealed, "_swap", stop_between)
        return

    save = Keeper.save

    def stop_at_last(self, progress, name="last"):
        if progress.averages:
            stop()
        save(self, progress, name)

    name, broken = {
        "reading": ("read", stop),
        "best": (
            "keep_made",
            lambda self, p, weights, e, t: stop() if weights == "interpolation" else _MADE(self, p, weights, e, t),
        ),
        "last": ("save", stop_at_last),
        "clearing": ("clear_made_from", stop),
    }[where]
    patch.setattr(Keeper, name, broken)


_MADE = Keeper.keep_made


@pytest.mark.parametrize("head", [None, CosineHeadSpec()])
def test_a_new_head_starts_at_class_means(tables, tmp_path, head):
    """Backbone and head learn from the start: at alpha 0 a network that names the class of the nearest mean."""
    one = job(tables, tmp_path, stages=({"at": "0ep", "batch_size": 12},), head=head)
    own = {name: tensor.clone() for name, tensor in one.model.state_dict().items()}
    start = start_weights(one, 0)
    assert all(torch.equal(own[name], tensor) for name, tensor in one.model.state_dict().items())
    assert all(torch.equal(own[name], tensor) for name, tensor in start.items() if name.startswith("backbone."))
    model = one.model.eval()
    with torch.no_grad():
        pictures = [torch.tensor(one.pictures(path)).permute(2, 0, 1) for path in one.val.first_images]
        known = [torch.tensor(one.pictures(path)).permute(2, 0, 1) for path in one.train.first_images]
        found, seen = (model.features(torch.stack(some)).numpy() for some in (pictures, known))
    if head is not None:
        found, seen = (some / np.linalg.norm(some, axis=1, keepdims=True) for some in (found, seen))
    means = np.stack([seen[one.train.targets == c].mean(axis=0) for c in range(4)])
    if head is not None:
        means /= np.linalg.norm(means, axis=1, keepdims=True)
    nearest = ((found[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
    model.load_state_dict(start)
    said = predict_tasks(model, one.val, one.preprocess, one.machine, 0, pictures=one.pictures)[""]
    assert np.array_equal(said.logits.argmax(axis=1), nearest)


def test_best_weights_from_before_the_backbone_learned_are_not_interpolated(tables, tmp_path, monkeypatch):
    monkeypatch.setattr("sfumato.training.final_choice.backbone_begins", lambda plan, _: plan.steps)
    watcher = Watcher()
    fit(job(tables, tmp_path, interpolate=InterpolateSpec()), [watcher])
    assert "nothing to do, the best weights are from before" in watcher.of(Noted)[0].text
    assert [row.weights for row in watcher.of(AveragesDone)[0].rows] == ["raw", "ema"]


def test_a_run_without_them_tells_its_averages_all_the_same(tables, tmp_path):
    watcher = Watcher()
    fit(job(tables, tmp_path), [watcher])
    (averages,) = watcher.of(AveragesDone)
    assert [row.weights for row in averages.rows] == ["raw", "ema"]
    for row in averages.rows:
        measured = [epoch.validation[row.weights]["accuracy"] for epoch in watcher.of(EpochDone)]
        assert row.scores["accuracy"] == max(measured)


def test_a_new_head_begins_the_ingredients_anew(tables, tmp_path):
    stages = (*STAGES, {"at": "4ep", "head": {"kind": "cosine", "start": "old_rows"}})
    watcher = Watcher()
    fit(job(tables, tmp_path, stages=stages, soup=SoupSpec(epochs=4)), [watcher])
    soup = next(row for row in watcher.of(AveragesDone)[0].rows if row.weights == "soup")
    assert set(soup.epochs) <= {4, 5}
    assert len([note for note in watcher.of(Noted) if "train.soup" in note.text]) == 2
