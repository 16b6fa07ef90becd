import errno
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.pictures import picture

from sfumato import outputs
from sfumato.errors import InputError, RunError
from sfumato.outputs import RowForm, check_target, expand, write_decisions
from sfumato.predict.decisions import Decision

GOOD = Decision("a.png", "cat", 0.9, {"cat": 0.9, "dog": 0.1}, calibrated=True, abstained=False, error=None)


def test_a_folder_stands_for_its_images_and_nothing_hidden(tmp_path):
    (tmp_path / "in" / "folder.jpg").mkdir(parents=True)
    (tmp_path / "in" / ".cache").mkdir()
    for name in ("b.png", "A.PNG", ".hidden.png", "in/c.png", "in/.cache/d.png", "in/folder.jpg/e.png"):
        picture("disc", 0).save(tmp_path / name)
    (tmp_path / "notes.txt").touch()
    found = [Path(one.name).relative_to(tmp_path).as_posix() for one in expand([str(tmp_path)])]
    assert found == ["A.PNG", "b.png", "in/c.png", "in/folder.jpg/e.png"]


def test_names_that_no_file_can_have_get_their_row():
    names = ["x" * 300 + ".png", "x" * 300 + ".csv", "a/" * 3000 + "b.png"]
    assert [one.name for one in expand(names)] == names


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_a_table_without_a_row_is_refused_as_an_empty_folder_is(tmp_path, suffix):
    (tmp_path / f"list{suffix}").write_text("file\n")
    with pytest.raises(InputError, match="no row in it"):
        expand([str(tmp_path / f"list{suffix}")])


@pytest.mark.parametrize("name", ["x" * 300 + ".csv", "dangling.csv", "/proc/x.csv", "file.png/x.csv"])
def test_places_that_cannot_be_written_are_refused_before_the_work(tmp_path, name):
    (tmp_path / "dangling.csv").symlink_to("nowhere")
    (tmp_path / "file.png").touch()
    with pytest.raises(InputError):
        check_target(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dangling.csv", "file.png"]


def test_a_place_that_can_be_written_is_left_as_it_was(tmp_path):
    check_target(tmp_path / "d.csv")
    assert not list(tmp_path.iterdir())


def stopped(error: BaseException) -> Iterator[Decision]:
    yield GOOD
    raise error


@pytest.mark.parametrize("suffix", outputs.WRITERS)
def test_what_was_broken_off_does_not_look_finished(tmp_path, suffix):
    for error in (KeyboardInterrupt(), ValueError()):
        with pytest.raises(type(error)):
            write_decisions(stopped(error), tmp_path / f"d{suffix}", RowForm(("cat", "dog")))
        assert not list(tmp_path.iterdir())
    write_decisions([GOOD], tmp_path / f"d{suffix}", RowForm(("cat", "dog")))
    assert [path.name for path in tmp_path.iterdir()] == [f"d{suffix}"]


def test_a_full_disk_is_told_in_one_line(tmp_path):
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(RunError, match=r"d\.csv: could not be written: No space left on device"):
        write_decisions(stopped(full), tmp_path / "d.csv", RowForm(("cat", "dog")))


def test_no_line_of_jsonl_holds_nan(tmp_path):
    bad = Decision("a", "cat", float("nan"), {}, calibrated=True, abstained=False, error=None)
    with pytest.raises(RunError, match="not finite"):
        write_decisions([GOOD, bad], tmp_path / "d.jsonl", RowForm(("cat", "dog")))
    assert not list(tmp_path.iterdir())
