import json

import pytest

from sfumato.errors import InputError, RunError
from sfumato.json_file import read_json, to_json, write_json


@pytest.mark.parametrize("figure", [float("nan"), float("inf"), -float("inf")])
def test_what_json_has_no_word_for_is_never_written(figure):
    with pytest.raises(RunError, match="a figure is not finite"):
        to_json({"rows": [{"confidence": figure}]})


def test_what_is_written_is_read_back(tmp_path):
    document = {"名": "气压场", "share": 0.1, "none": None, "list": [1, [2]]}
    write_json(tmp_path / "x.json", document)
    assert read_json(tmp_path / "x.json") == document
    assert "气压场" in (tmp_path / "x.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "x.json: damaged: Expecting value"),
        (b"[]", "x.json: damaged: no object in it"),
        (b"\xff", "x.json: damaged: not UTF-8 text"),
        (b'{"a": NaN}', "x.json: damaged: NaN is no number in JSON"),
        (b'{"a": ' + b"[" * 100_000, "x.json: damaged: "),
        (b'{"a": ' + b"1" * 5000 + b"}", "x.json: damaged: "),
    ],
)
def test_what_is_no_object_is_refused_in_one_line(tmp_path, content, message):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_json(tmp_path / "x.json")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(InputError, match=r"x\.json: missing"):
        read_json(tmp_path / "x.json")
    with pytest.raises(InputError, match="can't be read: Is a directory"):
        read_json(tmp_path)
    assert json.loads(to_json([1])) == [1]
