"""Coded checks of a run: each finds what it should, and says why where it can't look."""

import json
import re
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image
from torch import nn

from sfumato.data.preprocess import Preprocess
from sfumato.decided import measure_decisions
from sfumato.decision.decision_spec import DecisionSpec
from sfumato.decision.policy import Policy
from sfumato.labels import LabelSpace
from sfumato.metrics.intervals import Interval
from sfumato.metrics.multilabel_results import MultilabelResults
from sfumato.metrics.results import ClassRow
from sfumato.models.classifier import Classifier
from sfumato.models.heads import LinearHeadSpec
from sfumato.outcome import write_metrics
from sfumato.predict.explainer import Explainer, read_explainer
from sfumato.predictions import Predictions
from sfumato.report.both_sides import both_sides
from sfumato.report.checks.all_checks import OF_MEASURED, checks_of
from sfumato.report.checks.background import background_check, edge_alone
from sfumato.report.checks.catalogue import CHECKS
from sfumato.report.checks.of_classes import _guessing
from sfumato.report.checks.of_training import training_checks
from sfumato.report.evidence import measured_by, read_evidence
from sfumato.report.page import write_report
from sfumato.run_folder import RunFolder
from sfumato.tasks import TaskLayout

ROOT = Path(__file__).parents[3]


def found(folder, **change) -> dict:
    evidence = replace(read_evidence(folder), **change)
    return {one.code: one for one in checks_of(evidence, None, {"": None})}


def test_each_code_has_a_heading_in_the_docs():
    page = (ROOT / "docs" / "checks.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", page, flags=re.MULTILINE) == list(CHECKS)
    for code, kind in CHECKS.items():
        section = page.split(f"## {code}\n")[1].split("\n## ")[0]
        assert f"*{kind.severity}*" in section and " ".join(kind.advice.split()) in " ".join(section.split())


def test_every_check_says_something_of_every_run(make_run):
    checks = found(make_run(pictures=False))
    assert set(checks) == set(CHECKS)
    assert all((one.text and not one.text.endswith(".")) or one.state == "found" for one in checks.values())


def test_they_stand_on_the_page_and_in_a_file(make_run):
    folder = make_run()
    page = write_report(folder).read_text(encoding="utf-8")
    checks = json.loads((folder.path / "checks.json").read_text(encoding="utf-8"))
    assert {one["code"] for one in checks} == set(CHECKS) and set(checks[0]) == {
        "code",
        "state",
        "severity",
        "text",
        "docs",
    }
    section = page[page.index("<h2>Checks") : page.index("<h2>Test")]
    assert all(f"<code>{one['code']}</code>" in section for one in checks)
    there = [one for one in checks if one["state"] == "found"]
    assert checks[: len(there)] == there and "left-out" in {one["code"] for one in there}


def test_pictures_without_a_label_are_told_and_no_warning(make_run):
    folder = make_run(pictures=False)
    rows = ["id,image,problem", "a,a.png,no label", "b,b.png,no label"]
    for more, state in (([], "fine"), (["c,c.png,empty file"], "found")):
        (folder.data / "bad_images.csv").write_text("\n".join([*rows, *more]) + "\n", encoding="utf-8")
        check = found(folder)["left-out"]
        assert check.state == state and "2 others had no label, and took no part" in check.text


def test_nothing_was_measured(make_run):
    checks = found(make_run(pictures=False, finished=False))
    assert {checks[code].state for code in OF_MEASURED} == {"not applicable"}
    assert checks["left-out"].state == "found"


HISTORIES = {
    "overfit": ([1.0, 0.5, 0.4, 0.5], [1.0, 0.6, 0.5, 0.3], "found"),
    "training grew worse too": ([1.0, 0.5, 0.4, 0.5], [1.0, 0.6, 0.5, 0.6], "fine"),
    "a little": ([1.0, 0.5, 0.4, 0.41], [1.0, 0.6, 0.5, 0.3], "fine"),
    "near nothing": ([0.1, 0.001, 0.0005, 0.001], [1.0, 0.6, 0.5, 0.3], "fine"),
    "still falling": ([1.0, 0.5, 0.4, 0.3], [1.0, 0.6, 0.5, 0.4], "fine"),
    "too short": ([1.0, 2.0], [1.0, 0.5], "not applicable"),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_overfitting(make_run, name):
    val, train, state = HISTORIES[name]
    evidence = read_evidence(make_run(pictures=False, finished=False))
    rows = tuple(
        {"epoch": float(i), "val_loss": v, "train_loss": t, "best": 1.0 if i == 0 else None}
        for i, (v, t) in enumerate(zip(val, train, strict=True))
    )
    first, last = training_checks(replace(evidence, history=rows))
    assert (first.code, first.state, last.code) == ("overfit", state, "still-improving")
    if state != "not applicable":
        assert last.state == "fine"
        assert (
            list(training_checks(replace(evidence, history=(*rows[:-1], {**rows[-1], "best": 1.0}))))[1].state
            == "found"
        )


def said(folder, logits, truth, names=("a", "b"), trained=None) -> None:
    table = Predictions(
        tuple(f"test-{i}" for i in range(len(truth))),
        np.array(truth),
        np.array(logits, dtype=np.float32),
        LabelSpace(names),
    )
    table.write(folder.predictions("test"))
    write_metrics(folder, {"test": measure_decisions(table, Policy(), trained)})
    (folder.bundle / "policy.json").unlink()


def test_one_name_for_everything(make_run):
    """It guesses, never names the other class, and is far too sure."""
    folder = make_run(pictures=False, test=60)
    said(folder, [[9.0, 0.0]] * 60, [0, 1] * 30)
    checks = found(folder)
    assert {code for code in ("no-better-than-guessing", "class-never-named", "miscalibrated", "few-images") if checks[code].state == "found"} == {
        "no-better-than-guessing", "class-never-named", "miscalibrated", "few-images",
    }  # fmt: skip
    assert "“b”" in checks["class-never-named"].text and checks["measured-on-validation"].state == "fine"


def test_all_right(make_run):
    folder = make_run(pictures=False, test=400, trained=(20, 20))
    said(folder, (8 * np.eye(2))[[0, 1] * 200], [0, 1] * 200)
    states = {code: one.state for code, one in found(folder).items()}
    assert {code for code, state in states.items() if state == "found"} == {"left-out"}
    assert states["tail-collapse"] == states["promise-broken"] == states["thresholds-unstable"] == "not applicable"


def test_a_tail_that_collapsed(make_run):
    names, trained = ("a", "b", "c", "d"), (200, 150, 120, 5)
    folder = make_run(names, pictures=False, test=200, trained=trained)
    truth = [0, 1, 2, 3] * 50
    said(folder, (8 * np.eye(4))[[0 if one == 3 else one for one in truth]], truth, names, np.array(trained))
    checks = found(folder)
    assert checks["tail-collapse"].state == "found" and checks["class-never-named"].state == "found"


def test_validation_alone_and_wide_thresholds(make_run):
    decision = DecisionSpec.model_validate({"thresholds": {}})
    checks = found(make_run(pictures=False, test=0, decision=decision))
    assert checks["measured-on-validation"].state == "found"
    assert (
        checks["thresholds-unstable"].state in ("found", "fine") and "of 1 move" in checks["thresholds-unstable"].text
    )


def test_relatives_on_both_sides(make_run):
    folder = make_run(pictures=True)
    evidence = read_evidence(folder)
    assert both_sides(evidence.prepared.table) is None
    rows = evidence.prepared.table.rows
    alike = pl.when(pl.col("id").is_in(["test-1", "train-3", "val-2"])).then(pl.lit("one")).otherwise(pl.col("cluster"))
    table = replace(evidence.prepared.table, rows=rows.with_columns(cluster=alike))
    shown = both_sides(table)
    assert shown is not None and shown.samples == 2
    assert [(one.parts, one.names) for one in shown.pairs] == [
        ("test and train", "test-1.png · train-3.png"),
        ("val and train", "val-2.png · train-3.png"),
    ]
    assert all(all(one.thumbnails) for one in shown.pairs)
    checks = found(folder, prepared=replace(evidence.prepared, table=table))
    assert checks["leak"].state == "found" and "1 test image (2.5 %)" in checks["leak"].text


def test_the_edge_alone(small_run):
    """What it still names without the middle; the same each time."""
    folder = RunFolder(small_run.folder)
    evidence, explainer = read_evidence(folder), read_explainer(folder.bundle)
    table = evidence.prepared.table
    places = dict(zip(table.ids, table.first_images, strict=True))
    first = edge_alone(evidence.measured, explainer, places, "")
    right = int((evidence.measured.verdicts.predicted == evidence.measured.predictions.truth).sum())
    if right < 20:
        assert first is None
    else:
        assert first == edge_alone(evidence.measured, explainer, places, "") and 0 <= first.score <= 1
        assert first.pictures == min(48, right)
    assert edge_alone(evidence.measured, explainer, {}, "") is None


class Looks(nn.Module):
    """The brightness of a stretch of pixels, and its opposite."""

    def __init__(self, begin: int, end: int) -> None:
        super().__init__()
        self.begin, self.end = begin, end

    def forward_features(self, images):
        return images[:, :1, self.begin : self.end, self.begin : self.end]

    def forward(self, images):
        bright = self.forward_features(images).mean(dim=(1, 2, 3))
        return torch.stack([bright, -bright], dim=1)


@pytest.mark.parametrize(("begin", "end", "state", "score"), [(0, 3, "found", 1.0), (12, 20, "fine", 0.5)])
def test_a_network_that_sees_the_edge_alone_is_found(tmp_path, begin, end, state, score):
    network = Classifier(Looks(begin, end), LinearHeadSpec(), 2, 2, (0.5,) * 3, (0.5,) * 3).eval()
    with torch.no_grad():
        network.head[-1].weight.copy_(torch.eye(2))
    truth = np.arange(40) % 2  # of the first class pictures are bright
    for i, dark in enumerate(truth):
        Image.fromarray(np.full((32, 32, 3), 60 if dark else 200, dtype=np.uint8)).save(tmp_path / f"{i}.png")
    names = LabelSpace(("bright", "dark"))
    table = Predictions(tuple(map(str, range(40))), truth, (9 * np.eye(2)[truth]).astype(np.float32), names)
    measured = measured_by("test", table, Policy(), measure_decisions(table, Policy()), "here")
    explainer = Explainer(network, Preprocess(32, "crop", "bilinear", (0.5,) * 3, (0.5,) * 3), TaskLayout({"": names}))
    places = {str(i): str(tmp_path / f"{i}.png") for i in range(40)}
    check = background_check(measured, explainer, places, "")
    assert (
        check.state == state
        and f"of 40 pictures that it names rightly it still names {100 * score:.1f} %" in check.text
    )
    assert background_check(measured, None, places, "").state == "not applicable"


@pytest.mark.parametrize(("known", "state"), [(None, "fine"), (40, "found")])
def test_guessing_is_held_against_the_samples_of_which_a_class_is_known(known, state):
    rows = tuple(ClassRow(name, 20, 0.5, 0.5, 0.5, known=known) for name in "ab")
    results = Mock(spec=MultilabelResults, classes=rows, samples=100, scores={"map": Interval(0.45, 0.4, 0.5)})
    assert _guessing(Mock(), results).state == state
