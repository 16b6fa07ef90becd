"""Classes of which a table says that it is not known whether a sample has them, in all its forms."""

import json

import numpy as np
import pytest

from sfumato.data.health.answers import label_of
from sfumato.data.source import DataSpec, read_table
from sfumato.data.table import Table
from sfumato.data.table_file import load_table, split_rows, write_table
from sfumato.errors import InputError

HELD = [[1, 0, -1], [-1, 1, 0], [0, 0, 0], [-1, -1, -1]]
"""Of a, b and c: held, not held, not known."""
LISTS = [["a", "?c"], ["? a", "b"], [], None]
FORMS = {
    "lists.jsonl": "\n".join(json.dumps({"image": f"{i}.png", "label": said}) for i, said in enumerate(LISTS)),
    "texts.csv": "image,label\n0.png,a|?c\n1.png,?a|b\n2.png,|\n3.png,\n4.png,c|a\n5.png,b|c\n",
    "marks.csv": "image,a,b,c\n0.png,1,0,?\n1.png,?,1,0\n2.png,0,0,0\n3.png,?,?,?\n",
    "gaps.csv": "image,a,b,c\n0.png,1,0,\n1.png, ,1,0\n2.png,0,0,0\n3.png,,?,\n",
}


def read(folder, name: str, text: str, **columns) -> Table:
    (folder / name).write_text(text, encoding="utf-8")
    return read_table(DataSpec(source=str(folder / name), **columns))


@pytest.mark.parametrize("name", FORMS)
def test_every_form_says_the_same(tmp_path, name):
    table = read(tmp_path, name, FORMS[name])
    assert table.layout.multilabel and table.labels.names == ("a", "b", "c")
    assert table.membership[:4].tolist() == HELD
    assert any(note.startswith("data.source: of 2 samples some classes are not known") for note in table.notes)


def test_it_is_kept_on_disk_and_told(tmp_path):
    table = read(tmp_path, "texts.csv", FORMS["texts.csv"])
    write_table(tmp_path / "table.parquet", table)
    assert np.array_equal(load_table(tmp_path / "table.parquet").membership, table.membership)
    assert split_rows(table)["label"].to_list()[:4] == ["a|?c", "b|?a", "", None]


def test_a_run_of_before_there_were_such_is_read(tmp_path):
    table = read(tmp_path, "lists.jsonl", '{"image": "0.png", "label": ["a"]}\n{"image": "1.png", "label": ["b"]}')
    old = Table(table.rows.drop("unsure"), table.tasks)
    write_table(tmp_path / "table.parquet", old)
    assert np.array_equal(load_table(tmp_path / "table.parquet").membership, [[1, 0], [0, 1]])


def test_a_label_file_names_them(tmp_path):
    (tmp_path / "labels.yaml").write_text("elements: [{id: rain, zh: 雨}, {id: wind}]\n", encoding="utf-8")
    text = "image,label\n0.png,?雨|wind\n1.png,rain|wind\n2.png,rain\n"
    labels = {"labels": {"file": str(tmp_path / "labels.yaml")}, "columns": {"separator": "|"}}
    table = read(tmp_path, "texts.csv", text, **labels)
    assert table.membership.tolist() == [[-1, 1], [1, 1], [1, 0]]
    with pytest.raises(InputError, match=r"class 'rian' is not in the label file.*did you mean 'rain'"):
        read(tmp_path, "texts.csv", text.replace("?雨", "?rian"), **labels)


def test_a_class_that_is_both_is_told_with_its_line(tmp_path):
    with pytest.raises(InputError) as caught:
        read(tmp_path, "texts.csv", "image,label\n0.png,b|c\n1.png,a|?a\n2.png,a|b\n", columns={"separator": "|"})
    assert "texts.csv:3" in str(caught.value) and "class 'a' is said to be there and, by ?, not to be known" in str(
        caught.value
    )


def test_where_nothing_is_marked_there_is_no_such_note(tmp_path):
    table = read(tmp_path, "texts.csv", "image,label\n0.png,a|b\n1.png,b\n2.png,a\n")
    assert not any("not known" in note for note in table.notes)


def test_one_class_a_sample_may_be_called_anything(tmp_path):
    table = read(tmp_path, "texts.csv", "image,label\n0.png,?a\n1.png,b\n2.png,b\n")
    assert not table.layout.multilabel and table.labels.names == ("?a", "b")


def test_none_of_them_is_said_only_where_it_is_known(tmp_path):
    table = read(tmp_path, "marks.csv", FORMS["marks.csv"] + "4.png,0,?,0\n")
    assert table.of_none.tolist() == [False, False, True, False, False]
    assert label_of(table)["label"].to_list() == ["a", "b", "none of them", None, None]
