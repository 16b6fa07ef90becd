"""The ingredients of a soup: weights of the best epochs, each in a folder of its own until the soup is made."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from sfumato.training import checkpoint
from sfumato.training.checkpoint import Checkpoint, Ingredient, Progress
from sfumato.training.job import Job
from sfumato.training.records import Scores, Weights, standing
from sfumato.training.step import Learner


class Ingredients:
    """Keeps those of one job; without `train.soup` it keeps none."""

    def __init__(self, job: Job, learner: Learner) -> None:
        self._job = job
        self._learner = learner
        self._named: list[set[str]] = []
        """Folders that `last` and its forerunner speak of, as far as this process has written them."""

    def offer(self, progress: Progress, scored: Mapping[Weights, Scores], epoch: int) -> None:
        """Keep an epoch's best weights if they are among the best so far; those under another head no longer count."""
        spec = self._job.spec.soup
        if spec is None or not scored:
            return
        which = max(scored, key=lambda one: standing(scored[one], self._job.spec.select))
        new = Ingredient(epoch, which, standing(scored[which], self._job.spec.select))
        head = self._head_since(epoch)
        alike = [one for one in progress.ingredients if self._head_since(one.epoch) == head]
        # sorted() is stable: of equals the earlier epoch comes first
        progress.ingredients = sorted([*alike, new], key=lambda one: one.score, reverse=True)[: spec.epochs]
        if new in progress.ingredients and self._job.machine.is_main:
            state = Checkpoint(Progress(step=progress.step), self._learner.tensors(which), {}, {})
            checkpoint.save(self._job.folder / name_of(new), state)
        self._job.machine.wait()

    def tidy(self, progress: Progress) -> None:
        """Remove those that neither `last`, written just now with this progress, nor its forerunner speaks of.

        A run that is killed goes on from one of these, and may need what came to be left out since.
        """
        self._named = [*self._named[-1:], {name_of(one) for one in progress.ingredients}]
        if len(self._named) == 2:
            self._remove(set[str]().union(*self._named))

    def clear(self) -> None:
        """Remove all."""
        self._remove(set())

    def _remove(self, kept: set[str]) -> None:
        for path in self._folders():
            if path.name not in kept:
                shutil.rmtree(path, ignore_errors=True)

    def _folders(self) -> list[Path]:
        return list(self._job.folder.glob("ingredient-*"))

    def _head_since(self, epoch: int) -> float:
        """When the head came that stands at the end of an epoch."""
        clock = self._job.plan.clock
        return self._job.plan.head_begins(clock.epoch_at(clock.starts[epoch + 1] - 1))


def name_of(ingredient: Ingredient) -> str:
    """Name of its folder, below those of checkpoints."""
    return f"ingredient-{ingredient.epoch:06d}"
