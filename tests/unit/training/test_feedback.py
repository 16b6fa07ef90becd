"""A rate that falls on a plateau, against torch's; early stopping against its definition."""

import tempfile
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.jobs import colours_of, job_of, tiny_model
from tests.plans import plan
from torch.optim.lr_scheduler import ReduceLROnPlateau

from sfumato.training import checkpoint
from sfumato.training.checkpoint import Checkpoint, Progress
from sfumato.training.duration import Duration, parse
from sfumato.training.feedback import Feedback, StopSpec, stopped_short, take_note
from sfumato.training.job import TrainSpec
from sfumato.training.loop import fit
from sfumato.training.optimizer import SgdSpec
from sfumato.training.records import EpochDone, StepDone
from sfumato.training.schedules import ConstantSpec, PlateauSpec

SCORES = st.lists(st.integers(0, 20).map(lambda tenths: tenths / 20), min_size=1, max_size=40)


def again(state: Feedback) -> Feedback:
    """Through a checkpoint."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "last"
        checkpoint.save(place, Checkpoint(Progress(feedback=state), {"w": torch.zeros(1)}, {}, {}))
        return checkpoint.load(place).progress.feedback


def torch_rates(scores, spec):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    mode = "min" if spec.monitor == "loss" else "max"
    scheduler = ReduceLROnPlateau(
        optimizer, mode, spec.factor, spec.patience, threshold=spec.min_delta, threshold_mode="abs", eps=0
    )
    rates = []
    for score in scores:
        scheduler.step(score)
        rates.append(optimizer.param_groups[0]["lr"])
    return rates


@settings(max_examples=150)
@given(SCORES, st.integers(0, 4), st.sampled_from([0.0, 1e-4, 0.1]), st.sampled_from([0.1, 0.5]), st.booleans())
def test_a_plateau_is_torchs(scores, patience, min_delta, factor, of_loss):
    monitor = "loss" if of_loss else "accuracy"
    spec = PlateauSpec(patience=patience, min_delta=min_delta, factor=factor, monitor=monitor)
    state, rates, said = Feedback(), [], 0
    for score in scores:
        said += take_note(state, {monitor: score}, spec, None, "accuracy", counts=False) is not None
        rates.append(state.lr_factor)
    assert rates == pytest.approx(torch_rates(scores, spec))
    assert said == sum(after < before for before, after in zip([1.0, *rates], rates, strict=False))
    assert not state.stopped


@settings(max_examples=25)
@given(SCORES, st.integers(0, 39), st.integers(0, 3))
def test_a_checkpoint_between_any_two_epochs_changes_nothing(scores, cut, patience):
    spec, stop = PlateauSpec(patience=patience), StopSpec(patience=patience + 1, min_delta=0.05)
    one, two = Feedback(), Feedback()
    for turn, score in enumerate(scores):
        two = again(two) if turn == cut else two
        for state in (one, two):
            take_note(state, {"accuracy": score}, spec, stop, "accuracy", counts=True)
        assert one == two


def stops_after(scores, stop, counts=None):
    """Epochs trained until it stops; None = never."""
    state = Feedback()
    for epoch, score in enumerate(scores):
        counted = counts is None or counts[epoch]
        take_note(state, {"accuracy": score, "loss": score}, ConstantSpec(), stop, "accuracy", counts=counted)
        if state.stopped:
            return epoch + 1
    return None


@given(SCORES, st.integers(1, 5), st.sampled_from([0.0, 0.05, 0.12]), st.booleans())
def test_it_stops_after_patience_epochs_that_are_no_better_than_the_best(scores, patience, min_delta, of_loss):
    stop = StopSpec(patience=patience, min_delta=min_delta, monitor="loss" if of_loss else None)
    best, since, expected = None, 0, None
    for epoch, score in enumerate(scores):
        value = -score if of_loss else score
        if best is None or value > best + min_delta:
            best, since = value, epoch
        if epoch - since >= patience:
            expected = epoch + 1
            break
    assert stops_after(scores, stop) == expected


@pytest.mark.parametrize(
    ("scores", "options", "epochs"),
    [
        ([0.5, 0.4, 0.4, 0.4], {"patience": 3}, 4),
        ([0.5, 0.4, 0.4], {"patience": 3}, None),
        ([0.5, 0.4, 0.4, 0.51, 0.4, 0.4, 0.4], {"patience": 3}, 7),
        ([0.5, 0.5, 0.5], {"patience": 2}, 3),
        ([0.5, 0.509, 0.518, 0.527], {"patience": 2, "min_delta": 0.01}, None),
        ([0.5, 0.509, 0.5099, 0.527], {"patience": 2, "min_delta": 0.01}, 3),
        ([float("nan"), float("nan"), float("nan")], {"patience": 2}, 3),
        ([float("nan"), 0.1, 0.2, 0.3], {"patience": 2}, None),
        ([float("nan"), 3.0, 2.0, 1.0], {"patience": 2, "monitor": "loss"}, None),
        ([3.0, float("nan"), 2.0, float("nan"), float("nan")], {"patience": 2, "monitor": "loss"}, 5),
    ],
)
def test_examples(scores, options, epochs):
    assert stops_after(scores, StopSpec(**options)) == epochs


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    return tuple(colours_of([6, 6, 6], tmp_path_factory.mktemp(part)) for part in ("train", "val"))


def train(tables, folder, spec, schedule=None, resume=False, epochs=8, keyframes=()):
    """Rates of the steps it takes, by step, and how many epochs there are in the end."""
    p = plan({"at": "0ep", "batch_size": 6}, *keyframes, epochs=epochs, samples=18, lr=0.1, schedule=schedule)
    job, rates, rows, notes = job_of(tiny_model(), p, spec, train=tables[0], val=tables[1], folder=folder), {}, [], []

    def note(record):
        if isinstance(record, StepDone):
            rates[record.step] = record.lr
        elif isinstance(record, EpochDone):
            rows.append(record)
        else:
            notes.append(getattr(record, "text", None))

    note.close = lambda: None
    fit(job, [note], resume=resume)
    return rates, rows, [text for text in notes if text]


@pytest.mark.parametrize(("after", "epochs"), [("0ep", 3), ("2ep", 5), ("50%", 7)])
def test_training_stops_with_nothing_left_to_wait_for(tables, tmp_path, after, epochs):
    """`min_delta` is one that no score can beat, so the first epoch that counts is the best: two more are waited for."""
    stop = StopSpec(
        patience=2, min_delta=1.0, after=Duration(50, "%") if after == "50%" else Duration(int(after[0]), "ep")
    )
    rates, rows, notes = train(tables, tmp_path, TrainSpec(stop=stop))
    assert [row.epoch for row in rows] == list(range(epochs))
    assert len(rates) == 3 * epochs
    p = plan({"at": f"{epochs}ep", "augment": 0.5}, epochs=8, samples=18)
    assert f"may end after epoch {epochs}," in (stopped_short(stop, p) or "")
    assert notes == [f"epoch {epochs}: macro_f1 no better for 2 epochs: training ends here"]
    assert checkpoint.load(tmp_path / "last").progress.feedback.stopped
    rates, rows, _ = train(tables, tmp_path, TrainSpec(stop=stop), resume=True)
    assert (rates, rows) == ({}, [])


def test_rates_go_on_from_every_epoch_as_if_nothing_had_been(tables, tmp_path):
    """A plateau and its warm-up, within a scale: kept at every epoch, gone on with from each."""
    schedule = PlateauSpec(patience=1, min_delta=1.0, factor=0.5, warmup=Duration(1, "ep"))
    spec = TrainSpec(
        optimizer=SgdSpec(),
        schedule=schedule,
        checkpoint=checkpoint.CheckpointSpec(keep=Duration(1, "ep")),
    )
    scaled = {"at": "4ep", "lr_scale": 0.48}
    rates, _, notes = train(tables, tmp_path / "whole", spec, schedule, keyframes=[scaled])
    by_epoch = [rates[3 * epoch + 2] for epoch in range(8)]
    halves = [1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.125]
    warm = 0.02 + 0.98 * 2 / 3
    expected = [0.1 * h * s for h, s in zip(halves, [warm, 1, 1, 1, 0.48, 0.48, 0.48, 0.48], strict=True)]
    assert by_epoch == pytest.approx(expected)
    assert notes[0] == "epoch 3: accuracy no better for 2 epochs: learning rate x 0.5"
    checked = 0
    for step in range(3, 24, 3):
        folder = tmp_path / f"from-{step}"
        folder.mkdir()
        (tmp_path / "whole" / f"step-{step:08d}").rename(folder / "last")
        again_rates, _, _ = train(tables, folder, spec, schedule, resume=True, keyframes=[scaled])
        assert again_rates == {at: rate for at, rate in rates.items() if at >= step}
        checked += 1
    assert checked == 7


@pytest.mark.parametrize(
    ("patience", "after", "ends"),
    [
        (3, "0ep", 4),
        (6, "0ep", 7),
        (7, "0ep", None),
        (2, "4ep", 7),
        (3, "4ep", None),
        (2, "40%", 7),
        (1, "7.5ep", None),
    ],
)
def test_a_keyframe_that_may_never_come_is_told(patience, after, ends):
    p = plan({"at": "2ep", "augment": 0.5}, {"at": "7.5ep", "augment": 0}, epochs=10)
    said = stopped_short(StopSpec(patience=patience, after=parse(after)), p)
    line = (
        f"train.stop: training may end after epoch {ends}, before the last keyframe, at 7.5ep; train.stop.after: 7.5ep"
    )
    assert said == (f"{line} waits for it" if ends else None)
