"""Writing a submission, whole or not at all."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from sfumato.errors import InputError
from sfumato.outputs import written_aside
from sfumato.predict.decisions import Decision
from sfumato.submission.cells import Cell
from sfumato.submission.form import Form


def write_submission(form: Form, cells: Mapping[str, Cell], decisions: Iterable[Decision], out: Path) -> None:
    """Write the sample's rows in its order and its columns, each decision in the row of its id.

    Raises:
        InputError: A picture that can't be used; nothing is written then.
        RunError: The disk is full or can't be written.
    """
    bad: list[Decision] = []
    with written_aside(out) as work, work.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=form.separator, lineterminator="\n")
        writer.writerow(form.columns)
        writer.writerows(_rows(form, cells, decisions, bad))
        if bad:
            what = f"{len(bad)} of {len(form.ids)} pictures can't be used, such as {bad[0].input}: {bad[0].error}"
            raise InputError(what, expected="a picture for every id: a submission has no row for a bad one")


def _rows(
    form: Form, cells: Mapping[str, Cell], decisions: Iterable[Decision], bad: list[Decision]
) -> Iterator[list[object]]:
    for name, decision in zip(form.ids, decisions, strict=True):
        if decision.error is not None:
            bad.append(decision)
        else:
            yield [name if column == form.id_column else cells[column](decision) for column in form.columns]
