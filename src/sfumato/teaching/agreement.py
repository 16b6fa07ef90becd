"""Whether teacher and student speak of the same classes, and whether the teacher knows samples it should not."""

import hashlib

import numpy as np
from numpy.typing import NDArray

from sfumato.data.table import Table
from sfumato.data.table_file import split_rows
from sfumato.errors import InputError
from sfumato.labels import LabelSpace
from sfumato.short import short
from sfumato.tasks import TaskLayout
from sfumato.teaching.teacher import SETTING, TeacherFacts, find_teacher
from sfumato.training.distillation import DistillSpec


def agreed_teacher(spec: DistillSpec | None, layout: TaskLayout | None) -> TeacherFacts | None:
    """What is known of a recipe's teacher; None where it has none.

    Args:
        spec: Of the recipe.
        layout: What the student is to answer; None = not known yet, and not compared.

    Raises:
        InputError: As `find_teacher` and `columns_of`.
    """
    if spec is None:
        return None
    teacher = find_teacher(spec)
    if layout is not None:
        columns_of(teacher.tasks, layout)
    return teacher.facts


def columns_of(teacher: TaskLayout, student: TaskLayout) -> NDArray[np.int64]:
    """(C,) the teacher's column of each of the student's classes, which are matched by name, task by task.

    What the teacher answers beside them is left aside.

    Raises:
        InputError: A task the teacher does not answer, or one that it answers with other classes.
    """
    found: list[int] = []
    for task, space in student.spaces.items():
        if task not in teacher.spaces:
            there = ", ".join(repr(name) for name in teacher.spaces if name) or "one question without a name"
            wanted = f"one that answers {task!r}" if task else "one that answers a single question"
            raise InputError(f"it answers {there}", setting=SETTING, expected=wanted)
        _refuse_other_classes(teacher.spaces[task], space, f" of {task!r}" if task else "")
        first = teacher.slices[task].start
        found += [first + teacher.spaces[task].names.index(name) for name in space.names]
    return np.array(found, dtype=np.int64)


def introduction(spec: DistillSpec | None, facts: TeacherFacts | None) -> list[str]:
    """The teacher in one line; no line where there is none."""
    if spec is None or facts is None:
        return []
    networks = "one network" if facts.networks == 1 else f"{facts.networks} networks"
    size = f"{networks}, {short(facts.parameters)} parameters, learnt from {facts.source or 'data it does not name'}"
    hint = f", features weigh {spec.features:g}" if spec.features else ""
    seen = "each picture once, as it is" if spec.sees == "picture" else "every augmented view of each picture"
    how = f"weight {spec.weight:g}, temperature {spec.temperature:g}{hint}"
    return [f"train.distill: taught by {spec.teacher} ({size}); {how}; it is shown {seen}"]


def doubts(facts: TeacherFacts | None, table: Table, source: str) -> tuple[str, ...]:
    """Why scores of this run may come out too good: its teacher may have learnt from what they are measured on.

    Args:
        facts: Of the teacher; None = there is none.
        table: All samples of the run with their parts.
        source: Name of the run's data; data of another name are taken to be other data.
    """
    if facts is None or set(facts.splits) == {splits_of(table)} or facts.source not in (None, source):
        return ()
    several = len(facts.splits) > 1
    how = (
        "in several folds or splits, so from val samples too"
        if several
        else "by splits that are not known to be this run's"
    )
    of = f"from {facts.source} {how}" if facts.source else "from what its bundle does not name"
    return (f"train.distill: the teacher learnt {of}; scores on samples that it knows are too good",)


def splits_of(table: Table) -> str:
    """SHA-256 of the splits.csv that a run writes of its table."""
    return hashlib.sha256(split_rows(table).write_csv().encode()).hexdigest()


def _refuse_other_classes(teacher: LabelSpace, student: LabelSpace, of: str) -> None:
    lacks = [name for name in student.names if name not in teacher.names]
    more = [name for name in teacher.names if name not in student.names]
    said = [f"it does not know {', '.join(map(repr, lacks[:3]))}"] if lacks else []
    said += [f"it knows {', '.join(map(repr, more[:3]))}, which the data lack"] if more else []
    if said:
        what = f"other classes{of} than the data's: {' and '.join(said)}"
        raise InputError(what, setting=SETTING, expected=f"the {len(student)} classes of the data")
