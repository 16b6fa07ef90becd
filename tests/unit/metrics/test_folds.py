import json

import numpy as np
import pytest

from sfumato.json_file import to_json
from sfumato.metrics.folds import FoldScores, FoldSummary, summarise
from sfumato.report.folds_picture import draw_folds, fold_rows
from sfumato.report.folds_summary import folds_lines
from sfumato.report.svg import to_svg

LOSS, ACCURACY = (0.5, 0.7, 0.4), (0.9, 0.8, 0.95)


def found() -> FoldSummary:
    folds = tuple(
        FoldScores(str(i), 20, 10, {"loss": loss, "accuracy": accuracy, **({"best": 1.0} if i else {})})
        for i, (loss, accuracy) in enumerate(zip(LOSS, ACCURACY, strict=True))
    )
    return summarise(folds, {"": ["rare"]}, {})


def test_mean_and_spread_are_those_of_numpy():
    assert found().mean == pytest.approx({"loss": np.mean(LOSS), "accuracy": np.mean(ACCURACY)})
    assert found().std == pytest.approx({"loss": np.std(LOSS, ddof=1), "accuracy": np.std(ACCURACY, ddof=1)})


def test_it_is_read_back():
    assert FoldSummary.from_dict(json.loads(to_json(found().to_dict())), "x") == found()


def test_every_dot_and_band_stands_on_its_scale():
    rows = fold_rows(found())
    assert [row.name for row in rows] == ["loss", "accuracy"]
    for row in rows:
        ends = (*row.values, row.mean - row.std, row.mean + row.std)
        assert row.low < min(ends) <= max(ends) < row.high
    assert "0.8833 ± 0.0764" in to_svg(draw_folds(found()))


def test_a_score_that_a_fold_lacks_has_no_mean():
    lines = folds_lines(found())
    assert any(line.startswith("  mean ± std") and line.rstrip().endswith("-") for line in lines)
    assert "unmeasured, too rare to be held out: rare" in lines
