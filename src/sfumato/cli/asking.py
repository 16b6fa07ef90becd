"""Questions in the terminal."""

import sys

import typer

from sfumato.errors import InputError


def ask_text(name: str, proposed: str) -> str:
    """What a person says of a class; an empty answer takes what is proposed.

    It is asked on stderr, since stdout may be the file.

    Raises:
        InputError: The answers end before the classes do.
    """
    typer.echo(f"{name}  ({proposed}): ", err=True, nl=False)
    line = sys.stdin.readline()
    if not line:
        raise InputError(f"no answer for class {name!r}", expected="a line for each class, empty for what is proposed")
    return line.strip() or proposed
