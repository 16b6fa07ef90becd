"""Libraries that only some models need, imported when one of these is asked for."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from sfumato.errors import InputError


def library(name: str, extra: str, setting: str) -> Any:
    """A library that is no dependency of Sfumato itself.

    Args:
        name: What it is imported as.
        extra: Which of Sfumato's extras brings it.
        setting: Recipe path of what needs it.

    Raises:
        InputError: It is not installed; with the line that installs it.
    """
    if find_spec(name) is None:
        raise InputError(
            f"needs {name}, which is not installed", setting=setting, mend=f"pip install 'sfumato[{extra}]'"
        )
    return import_module(name)
