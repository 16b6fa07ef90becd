"""A competition's sample file, filled in: its rows, its columns, its way of writing a class."""

from pathlib import Path

import pytest

from sfumato.errors import InputError
from sfumato.labels import Label, LabelSpace
from sfumato.outputs import Asked
from sfumato.predict.decisions import Answer, Decision
from sfumato.predict.inputs import WithText
from sfumato.submission.cells import cells_of
from sfumato.submission.form import read_form
from sfumato.submission.matching import inputs_of
from sfumato.submission.writing import write_submission
from sfumato.tasks import TaskLayout

PLAIN = TaskLayout({"": LabelSpace(("cat", "dog"))})
NUMBERED = TaskLayout(
    {"": LabelSpace(("cat", "dog"), (Label("cat", zh="猫", aliases=("1",)), Label("dog", zh="狗", aliases=("0",))))}
)
SEVERAL = TaskLayout({"shape": LabelSpace(("disc", "stripes")), "colour": LabelSpace(("red", "blue"))})
PATHS = [Asked(path, path) for path in ("in/a/2.png", "in/b/10.jpg", "in/1.x.png")]


def decision(path: str, cat: float, *, abstained: bool = False, error: str | None = None) -> Decision:
    chances = dict(sorted({"cat": cat, "dog": 1 - cat}.items(), key=lambda item: -item[1])) if error is None else {}
    label = None if abstained or error else next(iter(chances))
    return Decision(path, label, cat, chances, calibrated=True, abstained=abstained, error=error)


def form(folder: Path, text: str, id_column: str | None = None):
    (folder / "sample.csv").write_text(text, encoding="utf-8")
    return read_form(folder / "sample.csv", id_column)


def filled(folder: Path, text: str, layout=PLAIN, id_column=None, **changed) -> str:
    """The file that answers the sample: 10 is a dog, 2 a cat, 1.x a dog that is not sure."""
    asked = form(folder, text, id_column)
    chances = {"in/a/2.png": (0.75, False), "in/b/10.jpg": (0.25, False), "in/1.x.png": (0.4375, True)}
    decisions = [
        decision(one.name, chances[one.name][0], abstained=chances[one.name][1], error=changed.get("error"))
        for one in inputs_of(asked, PATHS)
    ]
    write_submission(asked, cells_of(asked, layout), decisions, folder / "out.csv")
    return (folder / "out.csv").read_text(encoding="utf-8")


def test_the_likeliest_class_in_the_samples_order(tmp_path):
    assert filled(tmp_path, "image,label\n10,cat\n2,cat\n1.x,cat\n") == "image,label\n10,dog\n2,cat\n1.x,dog\n"


def test_the_answer_is_written_though_another_class_be_likelier(tmp_path):
    cell = cells_of(form(tmp_path, "id,answer\n1,\n"), PLAIN)["answer"]
    chances = {"dog": 0.7, "cat": 0.3}
    answered = Decision("1.png", "cat", 0.3, chances, calibrated=True, abstained=False, error=None)
    withheld = Decision("1.png", None, 0.3, chances, calibrated=True, abstained=True, error=None)
    assert [cell(one) for one in (answered, withheld)] == ["cat", "dog"]


def test_ids_with_ending_or_folders(tmp_path):
    text = "image,label\nb/10.jpg,\na\\2,\nin/1.x.png,\n"
    assert filled(tmp_path, text) == "image,label\nb/10.jpg,dog\na\\2,cat\nin/1.x.png,dog\n"


def test_a_probability_a_class_in_the_samples_columns(tmp_path):
    assert filled(tmp_path, "id;dog;cat\n2;0.5;0.5\n10;0.5;0.5\n") == "id;dog;cat\n2;0.25;0.75\n10;0.75;0.25\n"


def test_a_single_column_named_as_a_class_is_its_probability(tmp_path):
    assert filled(tmp_path, "id,dog\n2,0.5\n") == "id,dog\n2,0.25\n"


def test_the_id_need_not_come_first(tmp_path):
    assert filled(tmp_path, "label,file\ncat,10.jpg\n", id_column="file") == "label,file\ndog,10.jpg\n"


@pytest.mark.parametrize(("shown", "written"), [("0", "1 0"), ("猫", "猫 狗"), ("cat", "cat dog"), ("", "cat dog")])
def test_a_class_is_written_as_the_sample_shows(tmp_path, shown, written):
    cat, dog = written.split()
    text = filled(tmp_path, f"id,label\n2,{shown}\n10,{shown}\n", NUMBERED)
    assert text == f"id,label\n2,{cat}\n10,{dog}\n"


def test_classes_that_are_numbers(tmp_path):
    asked = form(tmp_path, "id,label\n2,0\n")
    cell = cells_of(asked, TaskLayout({"": LabelSpace(("0", "1", "2"))}))["label"]
    said = Decision("2.png", "2", 0.9, {"2": 0.9, "0": 0.1, "1": 0.0}, calibrated=True, abstained=False, error=None)
    assert cell(said) == "2"


def test_a_column_a_task(tmp_path):
    asked = form(tmp_path, "id,colour,shape\n2,,\n")
    answers = {
        "shape": Answer(None, 0.6, {"stripes": 0.6, "disc": 0.4}, calibrated=True, abstained=True),
        "colour": Answer("red", 0.9, {"red": 0.9, "blue": 0.1}, calibrated=True, abstained=False),
    }
    said = Decision("in/a/2.png", None, None, {}, calibrated=True, abstained=True, error=None, answers=answers)
    write_submission(asked, cells_of(asked, SEVERAL), [said], tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "id,colour,shape\n2,red,stripes\n"


WRONG = {
    "id,label\n2,cat\n7,cat\n8,cat\n": "sample.csv:3: 2 of 3 ids have no picture among the inputs, such as '7'",
    "id,label\n2,cat\n2,cat\n": "sample.csv:3: id '2' stands here for the second time; expected every id once",
    "id,label\n2,cat\n,cat\n": "sample.csv:3: no id in column 'id'",
    "id\n2\n": "sample.csv: no column to fill in; expected columns beside 'id'",
    "id,label\n2,cow\n": "sample.csv:2: column 'label' holds cells that no class is written like, such as 'cow'",
    "id,label\n2,0\n": "numbers, and nothing says which class each one is, such as '0'; expected the names of classes",
    "id,cat,dgo\n2,0,0\n": "sample.csv: column 'dgo' is no class of the bundle; expected a column a class (cat, dog)",
    "id,label,Usage\n2,cat,Public\n": "sample.csv: column 'label' is no class of the bundle",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_sample_that_cannot_be_filled_in_is_one_line_and_writes_nothing(tmp_path, text):
    with pytest.raises(InputError) as caught:
        filled(tmp_path, text)
    assert WRONG[text] in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["sample.csv"]


def test_a_class_without_a_column(tmp_path):
    three = TaskLayout({"": LabelSpace(("cat", "cow", "dog"))})
    with pytest.raises(InputError, match="no column for cow, which the bundle may answer"):
        filled(tmp_path, "id,cat,dog\n2,0,0\n", three)


def test_an_id_that_fits_two_pictures(tmp_path):
    asked = form(tmp_path, "id,label\n2,\n")
    with pytest.raises(InputError, match=r"sample\.csv:2: id '2' fits 2 inputs, a/2\.png and b/2\.jpg; expected"):
        inputs_of(asked, [Asked("a/2.png", "a/2.png"), Asked("b/2.jpg", "b/2.jpg")])
    found = inputs_of(
        form(tmp_path, "id,label\nb/2,\n"), [Asked(name, name) for name in ("a/2.png", "b/2.jpg", "b/2.jpg")]
    )
    assert [one.name for one in found] == ["b/2.jpg"]


def test_rows_of_a_table_go_by_their_id_or_their_picture(tmp_path):
    rows = [Asked("p1", WithText("/in/one.png", "a shirt")), Asked("p2", WithText(None, "a pot"))]
    assert inputs_of(form(tmp_path, "id,label\np2,\none.png,\n"), rows) == [rows[1], rows[0]]


def test_a_column_that_is_no_task(tmp_path):
    with pytest.raises(InputError, match=r"column 'shapes' is no task of the bundle.*did you mean 'shape'"):
        cells_of(form(tmp_path, "id,shapes\n2,\n"), SEVERAL)


def test_an_id_column_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"no column 'ids'; expected one of id, label; did you mean 'id'\?"):
        form(tmp_path, "id,label\n2,\n", "ids")


def test_bad_pictures_leave_nothing(tmp_path):
    with pytest.raises(InputError, match=r"^2 of 2 pictures can't be used, such as in/a/2\.png: empty; expected"):
        filled(tmp_path, "id,label\n2,\n10,\n", error="empty")
    assert [path.name for path in tmp_path.iterdir()] == ["sample.csv"]


def test_what_is_no_csv(tmp_path):
    for name in ("sample.parquet", "nothing.csv"):
        with pytest.raises(InputError, match=name):
            read_form(tmp_path / name)
