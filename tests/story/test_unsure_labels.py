"""Pictures of which some classes are not known: these are learnt nowhere, the others are, and tables keep what is known."""

import json

import numpy as np
import polars as pl
import pytest
from tests.pictures import marks

import sfumato
from sfumato.errors import InputError
from sfumato.metrics.multilabel_results import MultilabelResults
from sfumato.multilabel_predictions import MultilabelPredictions

RECIPE = {
    "name": "unsure",
    "data": {"source": "unsure.csv", "columns": {"label": "marks"}, "split": {"val": 0.25, "test": 0.25}},
    "model": {"backbone": "test_efficientnet", "weights": "none"},
    "train": {"epochs": 5, "optimizer": {"lr": 5e-3}, "precision": "fp32", "workers": 0},
    "timeline": [
        {"at": "0ep", "image_size": 48, "batch_size": 16, "mixup_alpha": 0.2},
        {"at": "3ep", "mixup_alpha": 0},
    ],
}
CLASSES = ("green", "red", "蓝")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Every third picture lacks the answer to a class, which is said whether it is there or not."""
    root = tmp_path_factory.mktemp("unsure")
    frame = pl.read_csv(marks(root, 240))
    cells = [None if cell is None else [one for one in cell.split("|") if one] for cell in frame["marks"].to_list()]
    for row in range(0, len(cells), 3):
        if cells[row] is not None:
            name = CLASSES[row // 3 % 3]
            cells[row] = [one for one in cells[row] if one != name] + [f"?{name}"]
    texts = [None if cell is None else "|".join(cell) or "|" for cell in cells]
    frame.with_columns(pl.Series("marks", texts)).write_csv(root / "unsure.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        yield root


@pytest.fixture(scope="module")
def run(root):
    return sfumato.train(RECIPE, out="run", quiet=True)


def test_it_learns_from_what_is_known(run):
    said = run.predictions["test"]
    unknown = (said.truth == -1).any(axis=1)
    assert 10 < unknown.sum() < len(said)
    found = MultilabelResults.from_dict(run.metrics["test"])
    assert (found.samples, found.complete) == (len(said.known()), (~unknown).sum())
    assert found.scores["map"].value > 0.85
    notes = json.loads((run.folder / "env.json").read_text())["notes"]
    assert any("samples some classes are not known; they learn and measure the others" in note for note in notes)


@pytest.mark.parametrize("asked", [{"train.select": "accuracy"}, {"decision.misses": 0.1}])
def test_what_goes_by_whole_pictures_is_refused_without_one(root, asked):
    frame = pl.read_csv(root / "unsure.csv")
    frame.with_columns(marks="?green|" + pl.col("marks").str.replace(r"\??green\|?", "")).write_csv(root / "partly.csv")
    with pytest.raises(InputError, match="of no validation sample every class is known"):
        sfumato.train(RECIPE, overrides={"data.source": "partly.csv", **asked}, out="refused", quiet=True)
    assert not (root / "refused").exists()


def test_tables_keep_which_are_not_known(run, tmp_path):
    said = run.predictions["test"]
    said.write(tmp_path / "table.parquet")
    again = MultilabelPredictions.read(tmp_path / "table.parquet")
    assert np.array_equal(again.truth, said.truth) and (again.truth == -1).any()
    rows = pl.read_csv(run.folder / "data" / "splits.csv")
    wanted = pl.read_csv("unsure.csv")["marks"].str.contains("?", literal=True).sum()
    assert rows["label"].str.contains("?", literal=True).sum() == wanted


def test_evaluation_takes_them_too(run, root):
    found = sfumato.evaluate(
        run.bundle, root / "unsure.csv", overrides={"data.columns.label": "marks"}, out="measured", quiet=True
    )
    rows = pl.read_csv(found.folder / "decisions.csv")
    assert rows["right"].null_count() > 16
