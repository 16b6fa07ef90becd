"""The command line: one verb a function. Heavy imports happen inside a verb, so that `sfumato --help` is instant."""

from sfumato.cli import (
    about_data,
    about_recipes,
    averaging,
    cascading,
    climbing,
    deciding,
    exporting,
    serving,
    several,
    training,
    using,
)
from sfumato.cli.app import app, main

__all__ = ["VERBS", "app", "main"]

VERBS = (
    about_data,
    about_recipes,
    training,
    averaging,
    climbing,
    deciding,
    several,
    using,
    cascading,
    exporting,
    serving,
)
"""Where the verbs are; to import them is to add them to `app`."""
