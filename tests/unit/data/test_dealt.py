"""Folds and parts that stand in a file beside the data."""

import pytest
from tests.pictures import folder_per_class

import sfumato
from sfumato.data.source import DataSpec, read_table
from sfumato.data.splits.split import split
from sfumato.errors import InputError


def data(tmp_path, lines: list[str]) -> DataSpec:
    folder_per_class(tmp_path / "photos", {"disc": 4, "cross": 4}, 16)
    (tmp_path / "folds.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return DataSpec(source=str(tmp_path / "photos"), dealt=str(tmp_path / "folds.csv"))


def test_folds_and_parts_are_those_of_the_file_and_the_rest_is_unused(tmp_path):
    ids = read_table(data(tmp_path, []).model_copy(update={"dealt": None})).ids
    spec = data(
        tmp_path / "again",
        ["id,fold,part", *(f"{name},{i % 2},{'test' if i == 2 else ''}" for i, name in enumerate(ids[:6]))],
    )
    table = read_table(spec)
    assert table.rows["part"].to_list() == [None, None, "test", None, None, None, "unused", "unused"]
    assert table.notes[-1] == "data.dealt: fold and part of folds.csv; 2 samples are not in it"
    held = split(table, spec.split.model_copy(update={"fold": "1"}))
    assert held.rows["part"].to_list() == ["train", "val", "test", "val", "train", "val", "unused", "unused"]


def test_another_runs_splits_are_taken_as_they_are(tmp_path):
    spec = data(tmp_path, [])
    recipe = {
        "model": {"backbone": "test_resnet", "weights": "none"},
        "train": {"epochs": 1, "workers": 0},
        "timeline": [{"at": "0ep", "image_size": 32}],
    }
    source = {"source": spec.source, "split": {"val": 0.25, "test": 0.25, "near_duplicates": "ignored"}}
    first = sfumato.train({**recipe, "data": source}, out=tmp_path / "a", quiet=True)
    again = {
        "source": spec.source,
        "dealt": str(first.folder / "data/splits.csv"),
        "split": {"near_duplicates": "ignored"},
    }
    second = sfumato.train({**recipe, "data": again}, out=tmp_path / "b", quiet=True)
    assert second.predictions["test"].ids == first.predictions["test"].ids


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["id,fold", "x,1"], "none of its ids, such as 'x', is one of the data; expected ids such as 'cross/"),
        (["name,fold", "x,1"], "no column id, or neither fold nor part"),
        (["id,fold", "x,1", "x,2"], "id 'x' stands there twice"),
    ],
)
def test_what_is_no_such_file_is_one_line(tmp_path, lines, said):
    with pytest.raises(InputError) as told:
        read_table(data(tmp_path, lines))
    assert said in str(told.value) and "data.dealt" in str(told.value)


def test_no_file_there(tmp_path):
    spec = data(tmp_path, ["id,fold"]).model_copy(update={"dealt": str(tmp_path / "gone.csv")})
    with pytest.raises(InputError, match=r"gone\.csv: data\.dealt: no such table; expected a file ending in"):
        read_table(spec)
