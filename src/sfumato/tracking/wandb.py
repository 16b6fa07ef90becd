"""A run in Weights & Biases."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sfumato.models.extra import library
from sfumato.training.tracker_spec import WandbSpec


class Wandb:
    """A tracker; see `Tracker`.

    Args:
        spec: Project and mode.
        folder: Of the run; what is kept offline lies below it.
        config: The recipe.
        known: Id that the run was begun with; None = it is new.
    """

    def __init__(self, spec: WandbSpec, folder: Path, config: Mapping[str, Any], known: str | None) -> None:
        self._wandb: Any = library("wandb", "track", "train.trackers")
        quiet = self._wandb.Settings(console="off", silent=True, disable_git=True, disable_code=True)
        self._run: Any = self._wandb.init(
            entity=spec.entity,
            project=spec.project,
            mode=spec.mode,
            name=folder.name,
            id=known,
            resume="allow",
            dir=str(folder),
            config=dict(config),
            reinit="create_new",
            settings=quiet,
        )

    @property
    def id(self) -> str:
        """Of the run."""
        return str(self._run.id)

    def scalars(self, figures: Mapping[str, float], step: int) -> None:
        """As the protocol says. A step that was logged before is passed over by the service."""
        self._run.log(dict(figures), step=step)

    def result(self, figures: Mapping[str, float]) -> None:
        """Into the summary of the run."""
        self._run.summary.update(dict(figures))

    def picture(self, name: str, path: Path) -> None:
        """As media of the run."""
        self._run.log({name: self._wandb.Image(str(path))})

    def files(self, paths: list[Path]) -> None:
        """As one artefact."""
        artefact = self._wandb.Artifact(f"run-{self.id}", "run")
        for path in paths:
            artefact.add_file(str(path))
        self._run.log_artifact(artefact)

    def end(self, *, failed: bool) -> None:
        """Wait until all is written, or sent."""
        self._run.finish(exit_code=int(failed))
