"""A training and its trackers: what they are told, and what becomes of one that fails."""

import json
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from sfumato.console import Console
from sfumato.json_file import read_json, write_json
from sfumato.models.extra import library
from sfumato.recipe.schema import Recipe
from sfumato.run_folder import RunFolder
from sfumato.tracking.confusion import draw_confusions
from sfumato.tracking.mlflow import Mlflow
from sfumato.tracking.tracker import Tracker, flat, scalars_of
from sfumato.tracking.wandb import Wandb
from sfumato.training.records import EpochDone, Noted, Record
from sfumato.training.tracker_spec import TrackerSpec, WandbSpec

FILES = ("report.html", "recipe.yaml", "metrics.json", "checks.json", "likely_wrong_labels.csv", "history.csv")
"""Of a finished run, as far as they are there."""


class Trackers:
    """A listener that passes on what it is told; a tracker that fails is warned of once and told no more."""

    def __init__(self, trackers: dict[str, Tracker], console: Console) -> None:
        self._trackers, self._console = trackers, console

    def __call__(self, record: Record) -> None:
        """Pass on the figures of epochs; on resume those that were done before are known already."""
        if isinstance(record, EpochDone):
            figures = scalars_of(record)
            self._each(lambda one: one.scalars(figures, record.step))

    def close(self) -> None:
        """They are ended when the run is; see `tracked`."""

    def begin(self, folder: RunFolder) -> None:
        """Show the timeline."""
        path = folder.path / "plan.png"
        if path.is_file():
            self._each(lambda one: one.picture("timeline", path))

    def conclude(self, folder: RunFolder) -> None:
        """Show what came of the run: results, confusion, report."""
        if not self._trackers:
            return
        figures = _results(folder)
        self._each(lambda one: one.result(figures))
        with draw_confusions(folder) as pictures:
            for name, path in pictures.items():
                self._each(lambda one, name=name, path=path: one.picture(name, path))
        paths = [path for path in (folder.path / name for name in FILES) if path.is_file()]
        self._each(lambda one: one.files(paths))

    def end(self, *, failed: bool) -> None:
        """End them all."""
        self._each(lambda one: one.end(failed=failed))

    def _each(self, tell: Callable[[Tracker], None]) -> None:
        for name, one in list(self._trackers.items()):
            try:
                with warnings.catch_warnings(action="ignore"):  # what a service announces to its own authors
                    tell(one)
            except Exception as error:  # whatever a service does, the training goes on
                del self._trackers[name]
                why = " ".join(str(error).split())[:200]
                self._console.note(Noted(f"{name} is told no more: {why}", warning=True))


@contextmanager
def tracked(folder: RunFolder, recipe: Recipe, console: Console, *, main: bool) -> Generator[Trackers]:
    """Within the context a run is shown in the services that its recipe names.

    Args:
        folder: Of the run; trackers.json keeps by which id each service knows it.
        recipe: Names them.
        console: Is told of one that fails.
        main: Whether this process may speak for the run.
    """
    trackers = Trackers(_opened(folder, recipe, console) if main else {}, console)
    trackers.begin(folder)
    try:
        yield trackers
    except BaseException:
        trackers.end(failed=True)
        raise
    trackers.end(failed=False)


def check_trackers(specs: Sequence[TrackerSpec]) -> None:
    """Refuse, before anything is written, a service whose library is not installed.

    Raises:
        InputError: With the line that installs it.
    """
    for spec in specs:
        library(spec.kind, "track", "train.trackers")


def _opened(folder: RunFolder, recipe: Recipe, console: Console) -> dict[str, Tracker]:
    config = flat(cast(dict[str, Any], json.loads(recipe.model_dump_json())))
    path, found = folder.path / "trackers.json", dict[str, Tracker]()
    known = cast(dict[str, str], read_json(path)) if path.is_file() else {}
    for spec in recipe.train.trackers:
        try:
            with warnings.catch_warnings(action="ignore"):
                found[spec.kind] = _open(spec, folder.path, config, known.get(spec.kind))
        except Exception as error:  # no login, no network, no such store
            why = " ".join(str(error).split())[:200]
            console.note(Noted(f"{spec.kind} is not told of this run: {why}", warning=True))
    if found:
        write_json(path, known | {name: one.id for name, one in found.items()})
    return found


def _open(spec: TrackerSpec, folder: Path, config: dict[str, Any], known: str | None) -> Tracker:
    return Wandb(spec, folder, config, known) if isinstance(spec, WandbSpec) else Mlflow(spec, folder, config, known)


def _results(folder: RunFolder) -> dict[str, float]:
    """Every score that was measured: test/accuracy, val/macro_f1."""
    found = cast(dict[str, dict[str, Any]], read_json(folder.metrics)) if folder.metrics.is_file() else {}
    return {
        f"{part}/{name}": float(score["value"])
        for part, results in found.items()
        for name, score in results["scores"].items()
    }
