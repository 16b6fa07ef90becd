"""From what a run begins with to its weights: what feeds the training, what watches it, and the training itself."""

from collections.abc import Sequence
from dataclasses import replace

from sfumato.begun import Begun
from sfumato.console import Console
from sfumato.decision.doubt.reference import References
from sfumato.json_file import write_json
from sfumato.preparation.prepared import job_of
from sfumato.teaching.answers import taught
from sfumato.training.branches import fit_branches, told
from sfumato.training.cost import CostMeter
from sfumato.training.listeners import CsvAverages, CsvClasses, CsvHistory, JsonHistory, TensorBoard
from sfumato.training.loader_choice import LoaderChoice, choose_loader
from sfumato.training.loop import fit
from sfumato.training.records import Listener, Noted
from sfumato.training.references import learn_references


def choose_feed(begun: Begun, console: Console) -> LoaderChoice:
    """What feeds the training best, told with the reason."""
    loader = choose_loader(job_of(begun.prepared, begun.machine, 0, begun.folder.checkpoints))
    ahead = f", {loader.prefetch} batches ahead each" if loader.workers else ""
    console.note(Noted(f"train.workers: {loader.workers}{ahead}, {loader.reason}"))
    return loader


def listeners_of(begun: Begun) -> list[Listener]:
    """What every run writes of its training."""
    folder, layout = begun.folder, begun.prepared.table.layout
    return [
        CsvHistory(folder.history, layout),
        JsonHistory(folder.history_by_column, layout),
        CsvClasses(folder.class_history),
        CsvAverages(folder.averages),
        TensorBoard(folder.path / "events"),
        CostMeter(folder.cost, begun.machine.device, begun.prepared.model),
    ]


def fit_run(
    begun: Begun, loader: LoaderChoice, console: Console, others: Sequence[Listener] = (), *, resume: bool
) -> None:
    """Train; the best weights end up in the model.

    Args:
        begun: The run.
        loader: What feeds it.
        console: Shows it.
        others: Listeners beside those of every run.
        resume: Whether it goes on from its last checkpoint.
    """
    folder, prepared, machine = begun.folder, begun.prepared, begun.machine
    job = job_of(prepared, machine, loader.workers, folder.checkpoints, console.stage("computing features"))
    job = taught(replace(job, prefetch=loader.prefetch), folder.teacher_answers, prepared.teacher, console)
    fit(job, [console, *listeners_of(begun), *others], resume=resume)
    branches = fit_branches(job)
    if branches is not None:
        console.note(Noted(told(branches)))
        if machine.is_main:
            write_json(folder.path / "branches.json", branches.to_dict())


def learn(begun: Begun, workers: int, console: Console) -> References:
    """What training pictures are to the weights that were kept, where decisions ask how familiar others are."""
    job = job_of(begun.prepared, begun.machine, workers, begun.folder.checkpoints)
    return learn_references(job, begun.prepared.recipe.decision.measure, console.stage("learning what is familiar"))
