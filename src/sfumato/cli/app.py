"""The program itself: what it is called with before any verb, and how it ends."""

import os
import sys
from typing import Annotated, NoReturn

import typer

from sfumato.cli.failures import one_line_errors
from sfumato.version import VERSION

app = typer.Typer(
    name="sfumato",
    help="Fine-tunes image classifiers in gradual stages and turns them into decisions that can be trusted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="markdown",
)


def main() -> NoReturn:
    """Run the command line and leave with its exit code: 0 done, 1 failed, 2 wrong input."""
    with one_line_errors():
        try:
            app()
        except SystemExit as stop:
            if isinstance(stop.__context__, BrokenPipeError):  # click has taken it already, for a failure
                raise stop.__context__ from None
            sys.stdout.flush()  # here, where a full disk can still be told in one line
            raise
    sys.exit(0)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(VERSION)
        raise typer.Exit


@app.callback()
def _root(
    _: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
    progress: Annotated[
        str | None,
        typer.Option(
            "--progress",
            metavar="FORM",
            help="How verbs show what they do, on stderr: `auto` (bars on a terminal), `plain` lines, or `json` lines. "
            "Also SFUMATO_PROGRESS. `--quiet` of a verb shows nothing.",
        ),
    ] = None,
) -> None:
    if progress is not None:
        os.environ["SFUMATO_PROGRESS"] = progress  # the processes that some verbs start show theirs in the same form
    _check_form(os.environ.get("SFUMATO_PROGRESS", "auto"))


def _check_form(given: str) -> None:
    """Refuse what `console.FORMS` has not."""
    forms = ("auto", "plain", "json")  # said again: to import the console would make --help wait
    if given not in forms:
        from sfumato.errors import InputError, nearest_name

        raise InputError(
            f"no form {given!r}", setting="--progress", expected=", ".join(forms), nearest=nearest_name(given, forms)
        )
