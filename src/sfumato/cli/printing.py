"""What is printed, and by whom."""

import os

import typer

from sfumato.json_file import to_json


def print_json(document: object) -> None:
    """Print one JSON object."""
    if is_main():
        typer.echo(to_json(document))


def is_main() -> bool:
    """Whether this is the process that speaks, of those that a launcher started."""
    return os.environ.get("RANK", "0") == "0"
