"""Which picture each row of a submission is about."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import PurePosixPath

from sfumato.errors import InputError
from sfumato.submission.form import Form


def pictures_of(form: Form, inputs: Sequence[str]) -> list[str]:
    """The input that each id names: by its file name, with or without ending, or with folders before it.

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
            expected="ids that are file names, with or without ending, or paths below a folder that is given",
        )
    for row, paths in enumerate(found):
        if len(paths) > 1:
            what = f"id {form.ids[row]!r} fits {len(paths)} inputs, {paths[0]} and {paths[1]}"
            raise InputError(what, where=form.place(row), expected="inputs that one id each fits")
    return [paths[0] for paths in found]


def _by_name(inputs: Sequence[str]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Every name that an input goes by -> the inputs that do; with its ending, and without."""
    whole, short = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    for path in dict.fromkeys(inputs):
        parts = PurePosixPath(_tidy(path)).parts
        for start in range(len(parts)):
            below = PurePosixPath(*parts[start:])
            whole[str(below)].append(path)
            short[str(below.with_suffix(""))].append(path)
    return dict(whole), dict(short)


def _tidy(name: str) -> str:
    return str(PurePosixPath(name.replace("\\", "/")))
