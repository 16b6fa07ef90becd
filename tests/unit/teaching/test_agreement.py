"""Teacher and student agree on classes by their names, and the teacher's knowledge of samples is said."""

import numpy as np
import pytest
from tests.jobs import table_of

from sfumato.errors import InputError
from sfumato.labels import LabelSpace
from sfumato.tasks import TaskLayout
from sfumato.teaching.agreement import columns_of, doubts, splits_of
from sfumato.teaching.teacher import TeacherFacts, learnt_from


def layout(**spaces: str) -> TaskLayout:
    return TaskLayout({name.replace("only", ""): LabelSpace(tuple(names)) for name, names in spaces.items()})


def test_classes_are_matched_by_name_whatever_their_order():
    assert columns_of(layout(only="abc"), layout(only="abc")).tolist() == [0, 1, 2]
    logits = np.array([[1.0, 2.0, 3.0]])  # of c, a, b
    assert logits[:, columns_of(layout(only="cab"), layout(only="abc"))].tolist() == [[2.0, 3.0, 1.0]]


def test_tasks_are_matched_by_name_and_what_is_not_asked_is_left_aside():
    teacher = layout(colour="rg", size="sml", shape="xy")
    assert columns_of(teacher, layout(shape="yx", colour="rg")).tolist() == [6, 5, 0, 1]


@pytest.mark.parametrize(
    ("teacher", "student", "said"),
    [
        (layout(only="abc"), layout(only="abd"), "it does not know 'd' and it knows 'c', which the data lack"),
        (layout(only="abcd"), layout(only="abc"), "the data's: it knows 'd', which the data lack; expected the 3 classes"),
        (layout(p="ab", q="cd"), layout(p="ab", q="ce"), "other classes of 'q' than the data's: it does not know 'e'"),
        (layout(p="ab", q="cd"), layout(p="ab", r="cd"), "it answers 'p', 'q'; expected one that answers 'r'"),
        (layout(p="ab", q="cd"), layout(only="ab"), "it answers 'p', 'q'; expected one that answers a single question"),
        (layout(only="ab"), layout(p="ab", q="cd"), "it answers one question without a name; expected one that answers 'p'"),
    ],
)  # fmt: skip
def test_other_classes_are_refused(teacher, student, said):
    with pytest.raises(InputError) as caught:
        columns_of(teacher, student)
    assert str(caught.value).startswith("train.distill.teacher: ")
    assert said in str(caught.value)


def facts(source, *splits) -> TeacherFacts:
    return TeacherFacts("00", 1, 10, None, {}, source, splits)


def test_only_a_teacher_of_other_samples_of_the_same_data_is_doubted():
    table = table_of([3, 3])
    assert doubts(None, table, "photos") == ()
    assert doubts(facts("photos", splits_of(table)), table, "photos") == ()
    assert doubts(facts("museum", "other"), table, "photos") == ()
    for found, said in (
        (facts("photos", "other"), "by splits that are not known to be this run's"),
        (facts("photos", splits_of(table), "other"), "in several folds"),
        (facts(None), "from what its bundle does not name"),
    ):
        assert said in doubts(found, table, "photos")[0]


def test_whatever_a_bundle_is_made_of_names_the_data_of_all_its_runs():
    first, second, third = ({"source": "photos", "splits_sha256": name} for name in "abc")
    assert learnt_from({"data": first}) == [first]
    assert learnt_from({"data": first, "folds": [first, second]}) == [first, second]
    assert learnt_from({"data": first, "soup": [first, third]}) == [first, third]
    assert learnt_from({"members": [{"data": first, "soup": [first, second]}, {"data": third}]}) == [
        first,
        second,
        third,
    ]
    assert learnt_from({}) == [{}]
