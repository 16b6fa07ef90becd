"""Likely wrong labels on the page and in its CSV: planted ones, of one class a picture and of several."""

import csv

import numpy as np
import polars as pl

from sfumato.labels import LabelSpace
from sfumato.multilabel_predictions import MultilabelPredictions
from sfumato.predictions import UNKNOWN, Predictions
from sfumato.report.page import write_report
from sfumato.report.wrong_labels import NAME, write_wrong_labels, wrong_labels

SPACE = LabelSpace(("disc", "条纹"))


def table(part: str, truth: list[int], said: list[int], height: float = 3.0) -> Predictions:
    logits = height * np.eye(2, dtype=np.float32)[said] + np.linspace(0, 0.5, len(said), dtype=np.float32)[:, None] * [
        1,
        0,
    ]
    return Predictions(
        tuple(f"{part}-{i}" for i in range(len(said))), np.array(truth), logits.astype(np.float32), SPACE
    )


def test_parts_are_judged_together():
    truth = [0] * 20 + [1] * 20
    flipped = [*truth]
    flipped[3], flipped[30] = 1, 0
    found = wrong_labels({"test": table("test", flipped, truth), "val": table("val", [UNKNOWN, 1, 0], [0, 1, 1])})
    assert found is not None and found.judged == 42 and found.unit == "label"
    assert {(one.part, one.id, one.given, one.likely) for one in found.labels} == {
        ("test", "test-3", "条纹", "disc"), ("test", "test-30", "disc", "条纹"), ("val", "val-2", "disc", "条纹"),
    }  # fmt: skip
    assert all(one.likely_probability > 0.9 and one.given_probability < 0.1 for one in found.labels)
    assert 0.04 < found.share < 0.1


def test_nothing_is_labelled(tmp_path):
    assert wrong_labels({"test": table("test", [UNKNOWN, UNKNOWN], [0, 1])}) is None and wrong_labels({}) is None
    write_wrong_labels(tmp_path, {"": None}, {})
    assert not list(tmp_path.iterdir())


def test_several_classes_a_picture(tmp_path):
    truth = np.tile([[1, 0], [0, 1], [1, 1], [0, 0]], (10, 1)).astype(np.int8)
    logits = np.where(truth == 1, 3.0, -3.0).astype(np.float32)
    given = truth.copy()
    given[0, 0], given[5, 0], given[6, 1] = 0, 1, UNKNOWN
    said = MultilabelPredictions(tuple(map(str, range(40))), given, logits, SPACE)
    found = wrong_labels({"test": said})
    assert found is not None and (found.judged, found.unit) == (79, "answer")
    assert [(one.id, one.given, one.likely) for one in found.labels] == [
        ("0", "none", "with disc"), ("5", "disc + 条纹", "without disc"),
    ]  # fmt: skip
    write_wrong_labels(tmp_path, {"": found}, {"0": "a/0.png"})
    rows = pl.read_csv(tmp_path / NAME)
    assert rows["image"].to_list() == ["a/0.png", None] and rows["likely"].to_list() == ["with disc", "without disc"]


def test_the_page_shows_them(make_run):
    folder = make_run()
    truth = [int(name) for name in np.arange(40) % 2]
    names = LabelSpace(("a", "b"))
    flipped = [1 - one if i in (4, 9) else one for i, one in enumerate(truth)]
    logits = (4 * np.eye(2)[truth]).astype(np.float32)
    Predictions(tuple(f"test-{i}" for i in range(40)), np.array(flipped), logits, names).write(
        folder.predictions("test")
    )
    page = write_report(folder).read_text(encoding="utf-8")
    section = page[page.index("<h2>Likely wrong labels") :]
    section = section[: section.index("</section>")]
    with (folder.path / NAME).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {"test-4", "test-9"} <= {row["id"] for row in rows if row["part"] == "test"}
    assert "test-4.png" in section and f"Of 80 labels it names {len(rows)};" in section
    assert section.count("<img") == min(24, len(rows)) and "sfumato crossval judges all" in section


def test_a_class_that_was_not_learned_is_not_judged():
    """Of a network that names one class alone the labels of the other would all look wrong."""
    truth = [0] * 20 + [1] * 20
    found = wrong_labels({"test": table("test", truth, [0] * 40)})
    assert found is not None and not found.labels
    assert (found.judged, found.unjudged) == (20, ("条纹",))
