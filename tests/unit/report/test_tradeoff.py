import re

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from tests.unit.report.test_page import page_of, plain

from sfumato.decision.decision_spec import DecisionSpec
from sfumato.decision.logit_adjustment import LogitAdjustment, LogitAdjustmentSpec, TauRow
from sfumato.errors import InputError
from sfumato.report.page import write_report
from sfumato.report.summary import summary
from sfumato.report.tradeoff import trade_off
from sfumato.report.tradeoff_picture import draw_trade_off

ROWS = (
    TauRow(0.0, 0.90, 0.50, 0.48),
    TauRow(0.5, 0.88, 0.62, 0.60),
    TauRow(1.0, 0.80, 0.70, 0.55),
    TauRow(1.5, 0.60, 0.66, 0.40),
)
PRIORS = (0.9, 0.1)
NAMES = tuple(f"c{i}" for i in range(6))
TRAINED = (300, 120, 60, 20, 8, 2)


def test_the_marks_are_the_bests_and_what_is_in_use():
    frame = trade_off(ROWS, LogitAdjustment(0.5, PRIORS, "macro_f1"))
    assert [(mark.row.tau, mark.names, mark.used) for mark in frame.marks] == [
        (0, ("as trained", "best accuracy"), False),
        (0.5, ("best macro-F1",), True),
        (1, ("best balanced accuracy", "classes equally frequent"), False),
    ]
    assert frame.sentence == (
        "It answers with τ = 0.5, the best macro-F1 here: macro-F1 0.600 instead of 0.480, "
        "accuracy 0.880 instead of 0.900."
    )


def test_a_given_strength_is_marked_as_given():
    frame = trade_off(ROWS, LogitAdjustment(1.5, PRIORS, None))
    assert frame.marks[-1].names == ("as the recipe says",)
    assert frame.sentence.startswith("It answers with τ = 1.5, as the recipe says: macro-F1 0.400 instead of 0.480")


def test_a_fitted_strength_of_0_changes_nothing_and_says_so():
    frame = trade_off(ROWS, LogitAdjustment(0.0, PRIORS, "accuracy"))
    assert frame.sentence == "It answers with τ = 0, the best accuracy here: as trained."


def test_without_adjustment_the_curve_says_what_one_would_do():
    assert trade_off(ROWS, None).marks[0].used
    assert "It answers as trained; the best macro-F1 is at τ = 0.5" in trade_off(ROWS, None).sentence
    assert trade_off((ROWS[0], ROWS[3]), None).sentence == "It answers as trained, and no τ would raise macro-F1."


def test_a_curve_that_is_a_point_is_no_curve():
    assert trade_off((), None) is None
    assert trade_off(tuple(TauRow(tau, 0.9, 0.9, 0.9) for tau in (0.0, 0.5)), None) is None


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def test_the_picture_has_one_scale_and_labels_apart():
    axes = draw_trade_off(trade_off(ROWS, None)).axes[0]
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    assert right - left == pytest.approx(high - low)
    assert (left < 0.40, right > 0.60, low < 0.60, high > 0.90) == (True,) * 4
    assert texts(axes.figure) == ["accuracy", "τ = 0", "τ = 0.5", "τ = 1", "τ = 1.5"]
    close = (*ROWS[:1], TauRow(0.05, 0.901, 0.501, 0.481), *ROWS[1:])
    assert texts(draw_trade_off(trade_off(close, None))) == ["accuracy", "τ = 0", "τ = 0.5", "τ = 1", "τ = 1.5"]


BENT = (
    *(TauRow(t / 20, 0.957 - t / 1000, 0.8, 0.816 + t / 150) for t in range(5)),
    *(TauRow(t / 20, 0.953 - t / 700, 0.8, 0.842 - (t - 4) / 300) for t in range(5, 31)),
)
"""There and back, as curves of long tails are."""


@pytest.mark.parametrize("rows", [ROWS, BENT])
def test_no_label_lies_on_the_curve_or_outside(rows):
    figure = draw_trade_off(trade_off(rows, None))
    FigureCanvasAgg(figure).draw()
    axes = figure.axes[0]
    places = axes.transData.transform([(row.macro_f1, row.accuracy) for row in rows])
    for label in axes.texts[1:]:
        box = label.get_window_extent()
        assert not any(box.contains(*place) for place in places), label.get_text()
        assert axes.bbox.x0 <= box.x0 and box.x1 <= axes.bbox.x1, label.get_text()


def test_the_page_shows_the_curve_and_the_tail(make_run):
    folder = make_run(NAMES, trained=TRAINED, val=60, test=60, pictures=False)
    page = page_of(folder)
    words = plain(page)
    assert "Rare and frequent classes" in words
    assert "Drawn on 60 validation images, which chose the weights too" in words
    assert 'aria-label="Accuracy against macro-F1 by strength of logit adjustment"' in page.text
    for heading in ("Many more than 100", "Medium 20 to 100", "Few fewer than 20"):
        assert f"{heading} training images" in words, heading
    for name in ("Many", "Medium", "Few", "Tail", "Worst class"):
        assert page.text.count(f"<h3>{name}</h3>") == 1, name
    assert "Macro F1 over all" not in words  # every class has an image
    rows = re.findall(r'<th title="(c\d)">\w+</th>\s*<td class="number">(\d+)</td>', page.text)
    assert rows == list(zip(NAMES, map(str, TRAINED), strict=True))
    said = "\n".join(summary(folder))
    assert re.search(r"  recall, > 100 +0\.\d{3} ", said)
    assert re.search(r"  recall, < 20 +0\.\d{3} ", said)


def test_the_adjustment_of_the_recipe_is_the_one_in_use(make_run):
    decision = DecisionSpec(logit_adjustment=LogitAdjustmentSpec(tau=0.33))
    page = page_of(make_run(NAMES, trained=TRAINED, val=60, test=60, pictures=False, decision=decision))
    assert "It answers with τ = 0.33, as the recipe says" in plain(page)
    assert page.text.count('<tr class="used">') == 1


def test_equal_classes_have_no_such_section(make_run):
    folder = make_run(pictures=False)
    assert folder.tau_curve.is_file()
    assert "Rare and frequent classes" not in plain(page_of(folder))
    assert "recall" not in "\n".join(summary(folder))


def test_of_many_classes_of_a_long_tail_the_rarest_are_listed_too(make_run):
    names = tuple(f"c{i:02}" for i in range(61))
    trained = tuple(max(1, int(400 * 0.9**i)) for i in range(61))
    page = page_of(make_run(names, trained=trained, val=122, test=122, pictures=False))
    words = plain(page)
    assert "Of 61 classes the worst, the largest and the rarest are shown." in words
    assert "The 20 rarest" in words
    assert page.text.count("<small>few</small>") >= 20


@pytest.mark.parametrize(
    "content",
    [b"tau,accuracy\n0,1", b"tau,accuracy,balanced_accuracy,macro_f1\n0,1,1,x", b"\xff",
     b"tau,accuracy,balanced_accuracy,macro_f1\n0,1,1", b"tau,accuracy,balanced_accuracy,macro_f1\n0,1,1,1.2",
     b"tau,accuracy,balanced_accuracy,macro_f1\n0,1,1,nan", b"tau,accuracy,balanced_accuracy,macro_f1\ninf,1,1,1"],
)  # fmt: skip
def test_a_damaged_curve_is_named_in_one_line(make_run, content):
    folder = make_run(pictures=False)
    folder.tau_curve.write_bytes(content)
    with pytest.raises(InputError) as caught:
        write_report(folder)
    assert str(caught.value).startswith(f"{folder.tau_curve}: damaged: ")
    assert "\n" not in str(caught.value)


def test_runs_from_before_the_curve_are_reported(make_run):
    folder = make_run(NAMES, trained=TRAINED, val=60, test=60, pictures=False)
    folder.tau_curve.unlink()
    assert "Accuracy against macro-F1" not in plain(page_of(folder))


def test_a_curve_without_the_strength_in_use_is_damaged(make_run):
    folder = make_run(
        NAMES, trained=TRAINED, val=60, test=60, pictures=False,
        decision=DecisionSpec(logit_adjustment=LogitAdjustmentSpec(tau=0.33)),
    )  # fmt: skip
    kept = [line for line in folder.tau_curve.read_text().splitlines() if not line.startswith("0.33")]
    folder.tau_curve.write_text("\n".join(kept) + "\n")
    with pytest.raises(InputError, match="tau_curve.csv: damaged: no row of τ = 0.33"):
        write_report(folder)
