"""The courses of the rarest classes: which they are, with which weights, and as pictures on the page."""

import csv

import pytest

from sfumato.errors import InputError
from sfumato.report.evidence import ClassPoint, read_evidence
from sfumato.report.page import write_report
from sfumato.report.rarest import rarest
from sfumato.training.listeners import CLASS_COLUMNS

BEST = ({"epoch": 0.0, "best": 1.0}, {"epoch": 1.0, "best": 2.0}, {"epoch": 2.0, "best": None})
COUNTS = {f"c{i:02}": 500 if i < 10 else 10 + (i % 7) for i in range(20)}


def points(counts=COUNTS, epochs=3, support=4) -> list[ClassPoint]:
    return [
        ClassPoint(epoch, weights, name, support, trained, (epoch + (weights == "ema")) / 4)
        for epoch in range(epochs)
        for weights in ("raw", "ema")
        for name, trained in counts.items()
    ]


def test_the_eight_rarest_come_first_of_equals_the_earlier():
    frame = rarest(points(), BEST, 5, (0.0, 2.0))
    assert [course.name for course in frame.courses] == ["c14", "c15", "c16", "c10", "c17", "c11", "c18", "c12"]
    assert [course.trained for course in frame.courses] == [10, 11, 12, 13, 13, 14, 14, 15]


def test_they_speak_of_the_kind_of_weights_that_was_kept():
    frame = rarest(points(), BEST, 5, ())
    assert (frame.courses[0].epochs, frame.courses[0].recalls) == ((1, 2, 3), (0.25, 0.5, 0.75))
    assert (frame.best, frame.courses[0].kept) == (2, 0.5)
    assert frame.about == ", with the moving average of the weights"
    unchosen = rarest(points(), (), 5, ())
    assert (unchosen.best, unchosen.courses[0].kept, unchosen.about) == (None, None, "")
    assert unchosen.courses[0].recalls == (0, 0.25, 0.5)


@pytest.mark.parametrize("counts", [{"a": 40, "b": 40}, {"a": 40, "b": 20}, {}])
def test_where_no_class_is_rare_nothing_is_shown(counts):
    assert rarest(points(counts), BEST, 5, ()) is None


def test_a_class_without_a_validation_image_has_no_course():
    assert rarest(points(support=0), BEST, 5, ()) is None
    assert len(rarest(points({"a": 90, "b": 3, "c": 2}), BEST, 5, ()).courses) == 1  # at most half of the classes


@pytest.fixture
def run(make_run):
    folder = make_run(('<i>"稀有"</i>', "b", "c"), trained=(3, 40, 90))
    with folder.class_history.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(CLASS_COLUMNS)
        for epoch in range(6):
            for name, trained in (('<i>"稀有"</i>', 3), ("b", 40), ("c", 90)):
                writer.writerow([epoch, "raw", "", name, 13, trained, 0.5, epoch / 8, 0.5, ""])
    return folder


def test_the_page_shows_them(run):
    page = write_report(run).read_text(encoding="utf-8")
    assert "Recall of the rarest classes" in page
    assert page.count('<td class="strip course"><svg role="img"') == 1
    assert "Recall by epoch: &lt;i&gt;&#34;稀有&#34;&lt;/i&gt;" in page
    assert '<td class="number">0.375</td>' in page  # of the epoch that was kept
    run.class_history.unlink()
    assert "Recall of the rarest classes" not in write_report(run).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("0,raw,,b,1,x,0,0,0,", "invalid literal"),
        ("0,raw,,b,1,2,0,1.5,0,", "a recall not from 0 to 1"),
        ("0,raw,,b,1,2,0,nan,0,", "a recall not from 0 to 1"),
        ("-1,raw,,b,1,2,0,1,0,", "a count is below 0"),
        ("0,raw,,b", "has not as many cells"),
    ],
)
def test_a_damaged_file_is_named(run, row, why):
    run.class_history.write_text(",".join(CLASS_COLUMNS) + "\n" + row + "\n")
    with pytest.raises(InputError, match=why) as told:
        read_evidence(run)
    assert str(told.value).startswith(f"{run.class_history}: damaged: ")
