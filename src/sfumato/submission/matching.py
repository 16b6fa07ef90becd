"""Which picture each row of a submission is about."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from sfumato.errors import InputError
from sfumato.outputs import Asked
from sfumato.predict.inputs import WithText, name_of
from sfumato.submission.form import Form


def inputs_of(form: Form, inputs: Sequence[Asked]) -> list[Asked]:
    """The input that each id names: by its file name, with or without ending, or with folders before it, or its id.

    Raises:
        InputError: An id that no input, or more than one, goes by.
    """
    whole, short = _by_name(inputs)
    found = [whole.get(name) or short.get(name) or [] for name in map(_tidy, form.ids)]
    missing = [name for name, paths in zip(form.ids, found, strict=True) if not paths]
    if missing:
        raise InputError(
            f"{len(missing)} of {len(found)} ids have no picture among the inputs, such as {missing[0]!r}",
            where=form.place(form.ids.index(missing[0])),
            expected="ids that are file names, with or without ending, paths below a given folder, or ids of a table",
        )
    for row, paths in enumerate(found):
        if len(paths) > 1:
            what = f"id {form.ids[row]!r} fits {len(paths)} inputs, {paths[0].name} and {paths[1].name}"
            raise InputError(what, where=form.place(row), expected="inputs that one id each fits")
    return [paths[0] for paths in found]


def _by_name(inputs: Sequence[Asked]) -> tuple[dict[str, list[Asked]], dict[str, list[Asked]]]:
    """Every name that an input goes by -> the inputs that do; with its ending, and without."""
    whole, short = defaultdict[str, list[Asked]](list), defaultdict[str, list[Asked]](list)
    for one in {one.name: one for one in inputs}.values():
        for below in _names(one):
            whole[str(below)].append(one)
            short[str(below.with_suffix(""))].append(one)
    return dict(whole), dict(short)


def _names(one: Asked) -> Iterator[PurePosixPath]:
    """Its path from every folder on, and its id where that is another."""
    path = name_of(one.what, 0) if isinstance(one.what, WithText) else one.what
    names = {one.name, path} if isinstance(path, str) else {one.name}
    for name in sorted(names):
        parts = PurePosixPath(_tidy(name)).parts
        yield from (PurePosixPath(*parts[start:]) for start in range(len(parts)))


def _tidy(name: str) -> str:
    return str(PurePosixPath(name.replace("\\", "/")))
