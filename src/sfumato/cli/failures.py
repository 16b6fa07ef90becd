"""Failures that a user can meet, and signals, end in one line on stderr and an exit code."""

import os
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

import typer

from sfumato.errors import SfumatoError, Stopped


@contextmanager
def one_line_errors() -> Generator[None]:
    """Failures that a user can meet, and signals, end in one line on stderr and an exit code."""
    for number in _SIGNALS:
        signal.signal(number, _stop)
    try:
        yield
    except BaseException as error:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)  # the end has begun: another signal could only spoil its line
        sys.exit(_exit_code(error))


def _exit_code(error: BaseException) -> int:
    """What to leave with, after telling the user why; what no user can meet is raised on."""
    if isinstance(error, SfumatoError):
        typer.echo(f"sfumato: {error}", err=True)
        return error.exit_code
    if isinstance(error, BrokenPipeError):
        _forget_output()
        return 0  # the reader has seen enough
    if isinstance(error, OSError):
        _forget_output()
        typer.echo(f"sfumato: {error.filename or 'the output'}: {error.strerror or error}", err=True)
        return 1
    if isinstance(error, Stopped):
        typer.echo(f"sfumato: stopped by {error}", err=True)
        return 1
    raise error


def _forget_output() -> None:
    """What could not be written is not tried again when Python ends, which would print a traceback."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def _stop(number: int, _: FrameType | None) -> None:
    raise Stopped(signal.Signals(number).name)
