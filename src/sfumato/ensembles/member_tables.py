"""The tables an ensemble is fitted and tested on, joined; what is missing or would count twice is refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sfumato.console import Console
from sfumato.decision.fusion.fusion import Kind
from sfumato.ensembles.joined import Joined, join
from sfumato.ensembles.member import Member
from sfumato.errors import InputError
from sfumato.training.records import Noted


@dataclass(frozen=True)
class Tables:
    """What all members' tables say of the same samples; None where not all have one."""

    fitting: Joined | None
    fitted_on: Literal["oof", "val"] | None
    test: Joined | None


def read_tables(members: Sequence[Member], kind: Kind, console: Console, *, fits: bool) -> Tables:
    """The joined tables; where they are missing and needed, as `fits` says, an InputError."""
    paths = [one.fitting for one in members]
    bare = [one.given for one, path in zip(members, paths, strict=True) if path is None]
    if bare and (kind != "average" or fits):
        what = "no predictions table beside it, which thresholds, --max-error and all kinds but average are fitted on"
        expected = "the folder of its run or cross-validation"
        raise InputError(what, where=bare[0], expected=expected, mend="or --kind average without --max-error")
    if bare:
        console.note(Noted(f"no predictions table beside {bare[0]}: nothing is fitted or measured", warning=True))
        return Tables(None, None, None)
    fitting = [path for path in paths if path is not None]
    fitted_on = "oof" if all(path.stem == "oof" for path in fitting) else "val"
    tests = [path for one in members if (path := one.table("test")) is not None]
    if len(tests) < len(members):
        console.note(Noted(f"{len(tests)} of {len(members)} have a test table: only the selection score is known"))
    joined, test = join(members, fitting), join(members, tests) if len(tests) == len(members) else None
    if test is not None:
        _refuse_overlap(joined, test)
    return Tables(joined, fitted_on, test)


def _refuse_overlap(fitting: Joined, test: Joined) -> None:
    """A sample that was fitted on measures nothing."""
    chosen = set(fitting.samples.ids)
    both = next((name for name in test.samples.ids if name in chosen), None)
    if both is not None:
        raise InputError(
            f"test sample {both!r} is one that the weights would be fitted on",
            where=str(test.said[0].path),
            expected=f"test samples that {fitting.said[0].path} has not",
        )
