"""class_history.csv: the figures of scikit-learn, and no row of an epoch that is trained again."""

import csv
import warnings

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, precision_recall_fscore_support
from tests.jobs import colours_of, job_of, tiny_model
from tests.plans import plan

from sfumato.metrics.results import ClassRow
from sfumato.training.inference import predict_tasks
from sfumato.training.job import TrainSpec
from sfumato.training.listeners import CLASS_COLUMNS, CsvClasses
from sfumato.training.loop import fit
from sfumato.training.optimizer import AdamWSpec
from sfumato.training.records import ClassesDone, EpochDone, Started

PLAN = plan({"at": "0ep", "batch_size": 12, "ema_decay": 0.8}, epochs=2, samples=44, lr=0.01)


def done(epoch: int) -> EpochDone:
    return EpochDone(epoch, 2 * epoch + 2, 0.1, 32, 9, 1.0, 0.5, {}, None, 1.0, 1.0)


def classes(epoch: int) -> ClassesDone:
    rows = (ClassRow('rust, "red"', 3, 0.5, 1 / 3, 0.4, 0.25, 7), ClassRow("病", 0, 0.0, 0.0, 0.0, None, 2))
    return ClassesDone(epoch, {"raw": {"": rows}, "ema": {"": rows}})


def rows_of(path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def test_the_figures_are_those_of_scikit_learn(tmp_path):
    for part in ("train", "val"):
        (tmp_path / part).mkdir()
    train, val = colours_of([24, 16, 4], tmp_path / "train"), colours_of([12, 20, 6], tmp_path / "val")
    job = job_of(tiny_model(), PLAN, TrainSpec(optimizer=AdamWSpec(lr=0.01)), train=train, val=val, folder=tmp_path)
    fit(job, [CsvClasses(tmp_path / "class_history.csv")])
    rows = rows_of(tmp_path / "class_history.csv")
    assert [(row["epoch"], row["weights"]) for row in rows[::3]] == [(e, w) for e in "01" for w in ("raw", "ema")]
    best = predict_tasks(job.model, val, job.preprocess, job.machine, 0, exact=True, pictures=job.pictures)[""]
    probabilities = np.exp(best.logits) / np.exp(best.logits).sum(axis=1, keepdims=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a class that is never named
        wanted = precision_recall_fscore_support(best.truth, best.logits.argmax(axis=1), labels=[0, 1, 2])
    precisions = [average_precision_score(best.truth == c, probabilities[:, c]) for c in range(3)]
    figures = [[float(row[name]) for name in CLASS_COLUMNS[4:]] for row in rows]
    expected = np.column_stack([wanted[3], [24, 16, 4], *wanted[:3], precisions])
    kept = [np.array(figures[first : first + 3]) for first in range(0, len(rows), 3)]
    assert min(np.abs(found - expected).max() for found in kept) < 1e-5  # the weights that were kept


def test_several_tasks_and_a_class_without_a_sample_stand_in_it(tmp_path):
    history = CsvClasses(tmp_path / "c.csv")
    history(Started(PLAN, 0, ()))
    history(classes(0))
    row = ClassRow("mild", 1, 1.0, 1.0, 1.0, 1.0, 5)
    history(ClassesDone(1, {"raw": {"disease": (), "severity": (row,)}}))
    rows = rows_of(tmp_path / "c.csv")
    assert rows[0]["class"] == 'rust, "red"' and rows[0]["recall"] == "0.333333" and rows[0]["trained"] == "7"
    assert (rows[1]["class"], rows[1]["support"], rows[1]["average_precision"]) == ("病", "0", "")
    assert [(row["epoch"], row["task"], row["class"]) for row in rows[4:]] == [("1", "severity", "mild")]


@pytest.mark.parametrize("torn", [0, 1, 9, 30, 41])
def test_on_resume_the_epochs_that_are_trained_again_are_cut_off(tmp_path, torn):
    path = tmp_path / "c.csv"
    whole = CsvClasses(path)
    whole(Started(PLAN, 0, ()))
    for epoch in range(11):
        whole(classes(epoch))
    text = path.read_bytes()
    path.write_bytes(text[: len(text) - torn])
    again = CsvClasses(path)
    again(Started(PLAN, 20, tuple(done(epoch) for epoch in range(10))))
    again(classes(10))
    assert path.read_bytes() == text
    assert [one.name for one in tmp_path.iterdir()] == ["c.csv"]


def test_a_new_run_and_a_lost_file_begin_with_the_header(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text("of another run")
    for history in ((), (done(0),)):
        CsvClasses(path)(Started(PLAN, 0, history))
        assert path.read_text() == ",".join(CLASS_COLUMNS) + "\n"
        path.unlink()
