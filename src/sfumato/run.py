"""The story of a run: recipe -> table -> model -> plan -> predictions -> policy -> bundle -> report."""

import json
import shlex
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from sfumato.begun import Begun, begin, take_up, write_inputs
from sfumato.concluding import conclude
from sfumato.console import Console
from sfumato.data.sharing import Sharing
from sfumato.errors import InputError
from sfumato.fitting import choose_feed, fit_run, learn
from sfumato.looking import Looked, look, tell
from sfumato.multilabel_predictions import AnyPredictions, read_predictions
from sfumato.predictions import Predictions
from sfumato.recipe.schema import Recipe
from sfumato.report.page import write_report
from sfumato.run_folder import RunFolder, open_folder
from sfumato.tasks import of_task
from sfumato.tracking.tracked import Trackers, tracked
from sfumato.training.machine import launched
from sfumato.training.memory import kept_memory
from sfumato.training.records import Noted
from sfumato.training.stopping import going_on_with
from sfumato.withholding import conclude_withheld, withhold


@dataclass(frozen=True)
class Run:
    """A finished run, read from its folder."""

    folder: Path

    @property
    def bundle(self) -> Path:
        """The deployable result; `sfumato.load` takes it."""
        return RunFolder(self.folder).bundle

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """Scores with intervals: `test` where there is a test part; `val`, which chose the weights, beside it.

        Of several tasks those of each: `test.TASK` and `val.TASK`.
        """
        return cast(dict[str, Any], json.loads(RunFolder(self.folder).metrics.read_text(encoding="utf-8")))

    @cached_property
    def predictions(self) -> dict[str, AnyPredictions]:
        """Predictions tables of the parts that were not trained on; of several tasks each as `PART.TASK`."""
        folder = RunFolder(self.folder)
        tasks = folder.read_table().layout.spaces
        paths = {of_task(part, task): folder.predictions(part, task) for part in ("val", "test") for task in tasks}
        return {name: read_predictions(path) for name, path in paths.items() if path.is_file()}

    def report(self) -> Path:
        """Write the report anew and return its path."""
        return write_report(RunFolder(self.folder))


def train(
    recipe: str | Path | Recipe | Mapping[str, Any] | None = None,
    *,
    overrides: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    resume: str | Path | None = None,
    quiet: bool = False,
    measure_test: bool = True,
    sharing: Sharing | None = None,
) -> Run:
    """Train what a recipe says, decide, measure, and leave everything in one folder.

    Args:
        recipe: Path of a YAML file, a Recipe, or its settings as a mapping; None with `resume`.
        overrides: Recipe path -> value, such as {"train.seed": 1}.
        out: Folder of the run; None = `runs/NAME`, numbered if need be.
        resume: Folder of an interrupted run to go on with, exactly where it was last saved.
        quiet: Show nothing.
        measure_test: False = predictions of the test part are written; its scores, and the choice of views, are left to
            who averages runs.
        sharing: What other runs of the same samples in this process saw of them; None = this one looks for itself.

    Raises:
        InputError: Something in the recipe, its data or the arguments is wrong; nothing was written.
        Interrupted: Ctrl-C or SIGTERM once the run has its folder; the message says how to go on.
        RunError: Training failed.
    """
    console = Console(quiet=quiet or launched()[0] > 0)
    if resume is not None and (recipe is not None or overrides or out is not None):
        raise InputError("a resumed run goes on with its own recipe, in its own folder", expected="resume alone")
    if resume is not None and open_folder(resume).bundle.exists():
        console.note(Noted(f"{resume} is finished already"))
        return _finished(open_folder(resume))
    begun = begin(recipe, overrides, out, console, sharing) if resume is None else take_up(resume, sharing)
    folder, machine = begun.folder, begun.machine
    with ExitStack() as stack:
        stack.enter_context(going_on_with(f"sfumato train --resume {shlex.quote(str(folder.path))}"))
        if resume is None:
            write_inputs(begun)
        trackers = stack.enter_context(tracked(folder, begun.prepared.recipe, console, main=machine.is_main))
        looked, withheld = _trained(begun, console, trackers, resume=resume is not None, choose=measure_test)
        if machine.is_main:
            tell(looked.choice, folder.views, console)
            conclude_withheld(folder, begun.prepared.recipe.model, looked, withheld)
            conclude(folder, begun.prepared, looked, ("val", "test") if measure_test else ("val",), console)
            trackers.conclude(folder)
        machine.wait()
    return Run(folder.path)


def _trained(
    begun: Begun, console: Console, trackers: Trackers, *, resume: bool, choose: bool
) -> tuple[Looked, dict[str, dict[str, Predictions]]]:
    """Train, and look at what was not trained on: as it is, and with pictures or texts withheld."""
    prepared, machine = begun.prepared, begun.machine
    with kept_memory(machine.device.type) as memory:
        console.note(Noted(f"memory: {memory}"))
        loader = choose_feed(begun, console)
        fit_run(begun, loader, console, [trackers], resume=resume)
        references = learn(begun, loader.workers, console)
        show = console.stage("looking in several views")
        looked = look(begun.folder, prepared, machine, loader.workers, references, show, choose=choose)
        return looked, withhold(prepared, machine, loader.workers)


def _finished(folder: RunFolder) -> Run:
    """A run whose bundle stands; only its report may have been cut off."""
    if not folder.report.is_file():
        write_report(folder)
    return Run(folder.path)
