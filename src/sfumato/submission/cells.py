"""What stands in each cell of a submission: a class in the sample's writing, or the probability of one."""

from collections.abc import Callable

from sfumato.errors import InputError, nearest_name
from sfumato.labels import Label, LabelSpace
from sfumato.predict.decisions import Answer, Decision
from sfumato.submission.form import Form, some
from sfumato.tasks import TaskLayout

Cell = Callable[[Decision], object]
"""What stands in a column, of a decision on a picture that is not bad."""


def _number(label: Label) -> str | None:
    """The only spelling of a class that is a whole number; None where there is none, or more than one."""
    found = {spelling for spelling in label.spellings if spelling.isascii() and spelling.isdigit()}
    return found.pop() if len(found) == 1 else None


_WRITINGS: tuple[Callable[[Label], str | None], ...] = (
    lambda label: label.id,
    lambda label: label.zh,
    lambda label: label.en,
    _number,
)
"""Ways to write a class; a sample says which one is meant."""


def cells_of(form: Form, layout: TaskLayout) -> dict[str, Cell]:
    """What stands in each column to fill in.

    Columns named as the classes hold their probabilities, and those named as the tasks of a bundle with several the
    answer to each. A single column of any other name holds the answer, written as the sample's cells write classes.
    Where the bundle would withhold it, the likeliest class is given: a competition has no word for that.

    Raises:
        InputError: A column that is none of these, or cells that no class is written like.
    """
    if layout.several:
        return {name: _task_cell(form, name, layout) for name in form.answers}
    if layout.multilabel and not set(form.answers) & set(layout.labels.names):
        what, expected = "no column is a class, and an image may be of several", "a column for each class"
        raise InputError(what, where=str(form.path), expected=expected)
    if len(form.answers) == 1 and form.answers[0] not in layout.labels.names:
        return {form.answers[0]: _class_cell(form, form.answers[0], layout.labels, lambda decision: decision)}
    _check_classes(form, layout.labels)
    return {name: _chance(name) for name in form.answers}


def _task_cell(form: Form, name: str, layout: TaskLayout) -> Cell:
    if name not in layout.spaces:
        near = nearest_name(name, layout.spaces)
        what = f"column {name!r} is no task of the bundle"
        raise InputError(what, where=str(form.path), expected=f"one of {some(layout.spaces)}", nearest=near)

    return _class_cell(form, name, layout.spaces[name], lambda decision: (decision.answers or {})[name])


def _class_cell(form: Form, column: str, labels: LabelSpace, said: Callable[[Decision], Decision | Answer]) -> Cell:
    written = _writing(form, column, labels)
    return lambda decision: written[_answer(said(decision))]


def _answer(said: Decision | Answer) -> str:
    """What it answers; the likeliest class where that is withheld."""
    return next(iter(said.probabilities)) if said.label is None else said.label


def _writing(form: Form, column: str, labels: LabelSpace) -> dict[str, str]:
    """Class -> how it is written, as the sample's cells show; by its name where they are empty."""
    shown = {cell.strip() for cell in form.columns[column]} - {""}
    for writing in _WRITINGS:
        found = {label.id: writing(label) for label in labels.labels}
        names = [name for name in found.values() if name is not None]
        if len(set(names)) == len(found) and shown <= set(names):
            return {label: str(name) for label, name in found.items()}
    odd = next((cell for cell in form.columns[column] if cell and labels.find(cell) is None), min(shown))
    numbers = all(cell.lstrip("-").isdigit() for cell in shown)
    why = "numbers, and nothing says which class each one is" if numbers else "cells that no class is written like"
    raise InputError(
        f"column {column!r} holds {why}, such as {odd!r}",
        where=form.place(form.columns[column].index(odd)),
        expected=f"the names of classes ({some(labels.names)}), or empty cells",
        nearest=None if numbers else labels.nearest(odd),
        mend="numbers may stand as aliases in the label file that is trained with" if numbers else None,
    )


def _check_classes(form: Form, labels: LabelSpace) -> None:
    """Refuse columns that are not exactly the classes."""
    for name in form.answers:
        if name not in labels.names:
            raise InputError(
                f"column {name!r} is no class of the bundle",
                where=str(form.path),
                expected=f"a column a class ({some(labels.names)}), or a single one for the likeliest class",
                nearest=nearest_name(name, labels.names),
            )
    lost = [name for name in labels.names if name not in form.answers]
    if lost and len(form.answers) > 1:
        what = f"no column for {some(lost)}, which the bundle may answer"
        raise InputError(what, where=str(form.path), expected="a column for every class")


def _chance(name: str) -> Cell:
    return lambda decision: decision.probabilities[name]
