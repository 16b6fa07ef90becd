"""All that training needs of a recipe and its data, resolved, and the job that the loop makes of it."""

from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from sfumato.data.pictures import Pictures
from sfumato.data.preprocess import Preprocess
from sfumato.data.progress import Progress, unseen
from sfumato.data.table import Table
from sfumato.data.views import View, expand
from sfumato.models.network import Network
from sfumato.recipe.schema import Recipe
from sfumato.teaching.teacher import TeacherFacts
from sfumato.training.job import Job, TrainSpec
from sfumato.training.machine import FORMATS, Machine, Precision
from sfumato.training.plan import Plan


@dataclass(frozen=True)
class Prepared:
    """All that training needs, resolved."""

    recipe: Recipe
    """With nothing left to choose that could change the weights."""
    table: Table
    """Usable samples, each with its part."""
    plan: Plan
    preprocess: Preprocess
    model: Network
    notes: list[str]
    """What was chosen, each with its reason."""
    pictures: Pictures
    """Decoded images, as far as they are kept."""
    bad: pl.DataFrame = field(default_factory=pl.DataFrame)
    """Samples that can't be used: id, image, problem."""
    teacher: TeacherFacts | None = None
    """What is known of the bundle that teaches; None = none does."""
    warnings: tuple[str, ...] = ()
    """What a person should know before trusting what comes out."""

    @property
    def views(self) -> tuple[View, ...]:
        """How pictures may be looked at once the network is trained, the plain view first."""
        return expand(self.recipe.views)

    @property
    def precision(self) -> Precision:
        """Of the network's arithmetic; `prepare` has chosen it where the recipe did not."""
        asked = self.recipe.train.precision
        return "fp32" if asked == "auto" else asked


def lay_out(model: Network, train: TrainSpec) -> None:
    """Let the weights of convolutions lie as images will; networks are built channels last."""
    if train.layout == "contiguous":
        model.to(memory_format=FORMATS[train.layout])  # pyright: ignore[reportCallIssue]


def machine_of(prepared: Prepared, device: str) -> Machine:
    """What computes it."""
    train = prepared.recipe.train
    layout = "channels_last" if train.layout == "auto" else train.layout
    return Machine(device, prepared.precision, tf32=train.tf32 is True, layout=layout)


def job_of(prepared: Prepared, machine: Machine, workers: int, folder: Path, show: Progress = unseen) -> Job:
    """What the loop is given; `folder` is where its checkpoints go, `show` shows what comes before the first step."""
    return Job(
        model=prepared.model,
        plan=prepared.plan,
        spec=prepared.recipe.train,
        augment=prepared.recipe.augment,
        preprocess=prepared.preprocess,
        train=prepared.table.part("train"),
        val=prepared.table.part("val"),
        machine=machine,
        workers=workers,
        pictures=prepared.pictures,
        folder=folder,
        show=show,
    )
