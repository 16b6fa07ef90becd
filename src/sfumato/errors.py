"""Every failure a user can meet, as one clear line: where, what, what was expected, nearest name, how to mend it."""

import difflib
import re
from collections.abc import Generator, Iterable
from contextlib import contextmanager


class SfumatoError(Exception):
    """A failure that is told in one line and never as a traceback. `exit_code` is what the command line returns."""

    exit_code = 1


class InputError(SfumatoError):
    """Wrong input (a recipe, a path, an option, a damaged bundle); nothing was done.

    Args:
        what: What is wrong, in words a user knows.
        setting: The recipe path it is about, such as `train.epochs`; the recipe knows its file and line.
        where: File, or file and line.
        expected: What would have been right.
        nearest: The valid name closest to the one that was given.
        mend: What to type or change.
    """

    exit_code = 2

    def __init__(
        self,
        what: str,
        *,
        setting: str | None = None,
        where: str | None = None,
        expected: str | None = None,
        nearest: str | None = None,
        mend: str | None = None,
    ) -> None:
        self.setting = setting
        text = ": ".join(part for part in (where, setting, what) if part)
        if expected:
            text += f"; expected {expected}"
        if nearest:
            text += f"; did you mean {nearest!r}?"
        if mend:
            text += f" {mend}" if nearest else f"; {mend}"
        super().__init__(text)

    def at(self, where: str) -> "InputError":
        """The same error with the file and line its setting stands in."""
        return InputError(str(self), where=where)

    def about(self, setting: str) -> "InputError":
        """The same error with the recipe path it is about, for those that know it."""
        error = InputError(f"{setting}: {self}")
        error.setting = setting
        return error


@contextmanager
def moved(there: str, here: str) -> Generator[None]:
    """Within the context an InputError about a setting below `there` is about that below `here`, as `model.image.`."""
    try:
        yield
    except InputError as error:
        if there == here or not (error.setting or "").startswith(there):
            raise
        own = InputError(re.sub(rf"(?<![\w.]){re.escape(there)}", here, str(error)))
        own.setting = here + str(error.setting).removeprefix(there)
        raise own from error.__cause__


class RunError(SfumatoError):
    """A run that began and failed: a loss that is not finite, an image that vanished, a full disk."""


class Interrupted(SfumatoError):  # noqa: N818  # a wish that was granted is no error
    """A run that was asked to stop (Ctrl-C, SIGTERM); it saved itself first and says how to go on."""


class Stopped(BaseException):  # no Exception: nothing on its way may take it for a failure it can live with
    """SIGINT or SIGTERM while nothing waits for one; its text is the signal's name."""


def nearest_name(name: str, names: Iterable[str]) -> str | None:
    """The valid name most like `name`, or None where none is close enough to be a typo of it."""
    by_lower = {candidate.lower(): candidate for candidate in names}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.7)
    longer = [candidate for candidate in by_lower if len(name) > 2 and candidate.startswith(name.lower())]
    found = [*close, *longer]
    return by_lower[found[0]] if found else None
