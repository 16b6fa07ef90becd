"""Keeping a training: `last` and its forerunner, the best weights, and those kept for good."""

import shutil
from dataclasses import replace

from torch import Tensor

from sfumato.losses.centre import Centres
from sfumato.models.heads import CosineHeadSpec
from sfumato.sealed import recover
from sfumato.training import checkpoint
from sfumato.training.averaging import WeightAverage
from sfumato.training.checkpoint import Checkpoint, Progress
from sfumato.training.duration import Duration
from sfumato.training.ingredients import Ingredients
from sfumato.training.job import Job
from sfumato.training.optimizer import optimizer_tensors, restore_optimizer
from sfumato.training.records import Averaged, Scores, Weights, standing
from sfumato.training.step import Learner

START = "start"
"""Name of the weights that an interpolation starts from."""
Tensors = dict[str, Tensor]


class Keeper:
    """Writes the checkpoints of one job, in its main process, and takes them up again."""

    def __init__(self, job: Job, learner: Learner) -> None:
        self._job = job
        self._learner = learner
        self.ingredients = Ingredients(job, learner)
        """Of a soup."""

    def take_up(self) -> tuple[Progress, list[str]]:
        """Put the last whole checkpoint into model, optimiser and average; return its progress and any warnings.

        Raises:
            InputError: There is none.
        """
        if self._job.machine.is_main:
            recover(self._job.folder / "best")  # after the last step no epoch is trained again that would write it anew
        self._job.machine.wait()
        saved, warnings = checkpoint.latest(self._job.folder)
        progress, learner = saved.progress, self._learner
        before = self._job.plan.at(max(0, progress.step - 1))
        if before.head != learner.head:
            self._job.model.replace_head(before.head)
            learner.take_head(before)
        self._job.model.load_state_dict(saved.model)
        restore_optimizer(learner.optimizer, saved.optimizer)
        if saved.average:
            learner.average = WeightAverage(self._job.model)
            learner.average.restore(saved.average, progress.average_updates)
        if saved.mean:
            learner.mean = WeightAverage(self._job.model)
            learner.mean.restore(saved.mean, progress.mean_updates)
        if saved.centres:
            unit = isinstance(before.head, CosineHeadSpec)
            learner.criterion.centres = Centres(saved.centres["centres"].to(self._job.machine.device), unit=unit)
        self._job.machine.restore_scaler(progress.scaler)
        return progress, warnings

    def save(self, progress: Progress, name: str = "last") -> None:
        """Write everything that the next step depends on."""
        average, mean, centres = self._learner.average, self._learner.mean, self._learner.criterion.centres
        progress.average_updates = average.updates if average else 0
        progress.mean_updates = mean.updates if mean else 0
        progress.scaler = self._job.machine.scaler_state()
        if self._job.machine.is_main:
            folder = self._job.folder
            state = Checkpoint(
                progress,
                self._job.model.state_dict(),
                optimizer_tensors(self._learner.optimizer),
                average.tensors if average else {},
                mean.tensors if mean else {},
                {"centres": centres.tensor} if centres else {},
            )
            checkpoint.save(folder / name, state, keep=folder / "previous" if name == "last" else None)
            if name == "last":
                self.ingredients.tidy(progress)
        self._job.machine.wait()

    def is_due(self, step: int) -> bool:
        """Whether something is to be written after so many steps."""
        spec = self._job.spec.checkpoint
        return self._last_is_due(step) or (spec.keep is not None and self._reached(spec.keep, step))

    def save_due(self, progress: Progress, *, now: bool) -> None:
        """Write `last` if it is due or `now`, and what is kept for good if that is due."""
        spec, step = self._job.spec.checkpoint, progress.step
        if now or self._last_is_due(step):
            self.save(progress)
        if spec.keep and self._reached(spec.keep, step):
            self.save(progress, f"step-{step:08d}")

    def keep_best(self, progress: Progress, scored: dict[Weights, Scores], epoch: int) -> Weights | None:
        """Write `best` if any of an epoch's weights score higher than any before; which do. Soups are served too."""
        best: Weights | None = None
        for which, found in scored.items():
            if self._keep_if_best(progress, which, found, epoch):
                best = which
        self.ingredients.offer(progress, scored, epoch)
        return best

    def keep_as_best(self, progress: Progress, weights: Weights, epoch: int) -> None:
        """Write `best`, one of the sets of weights there are now."""
        self.keep_made(progress, weights, epoch, self._learner.tensors(weights))

    def keep_made(self, progress: Progress, weights: Weights | Averaged, epoch: int, tensors: Tensors) -> None:
        """Write `best`, of weights that were made."""
        progress.best_weights, progress.best_epoch = weights, epoch
        self._write("best", Checkpoint(replace(progress), tensors, {}, {}))

    def keep_start(self, progress: Progress, tensors: Tensors) -> None:
        """Write `start`, from which an interpolation begins."""
        self._write(START, Checkpoint(Progress(step=progress.step), tensors, {}, {}))

    def read(self, name: str) -> Checkpoint:
        """What `best`, `start` or an ingredient holds.

        Raises:
            InputError: It is damaged, or not there.
        """
        return checkpoint.load(self._job.folder / name)

    def load_best(self) -> None:
        """Put the best weights into the model, with the head it had then."""
        best = self.read("best")
        plan, model = self._job.plan, self._job.model
        head = plan.at(plan.clock.starts[(best.progress.best_epoch or 0) + 1] - 1).head
        if head != model.head_spec:
            model.replace_head(head)
        model.load_state_dict(best.model)

    def clear_made_from(self) -> None:
        """Remove what averages were made from, once what came of them is written."""
        if self._job.machine.is_main:
            self.ingredients.clear()
            shutil.rmtree(self._job.folder / START, ignore_errors=True)
        self._job.machine.wait()

    def _keep_if_best(self, progress: Progress, weights: Weights, found: Scores, epoch: int) -> bool:
        """Write `best` if these weights score higher than any before, or equally at a lower loss."""
        score = standing(found, self._job.spec.select)
        if progress.best_score is not None and score <= progress.best_score:
            return False
        progress.best_score = score
        self.keep_as_best(progress, weights, epoch)
        return True

    def _write(self, name: str, state: Checkpoint) -> None:
        if self._job.machine.is_main:
            checkpoint.save(self._job.folder / name, state)
        self._job.machine.wait()

    def _last_is_due(self, step: int) -> bool:
        return step == self._job.plan.steps or self._reached(self._job.spec.checkpoint.every, step)

    def _reached(self, every: Duration, step: int) -> bool:
        """Whether a multiple of the duration was reached by the step just taken."""
        clock = self._job.plan.clock
        if every.unit == "st":
            return step % int(every.amount) == 0
        length = every.amount if every.unit == "ep" else every.amount * clock.epochs / 100
        return int(clock.passed(step) / length + 1e-9) > int(clock.passed(step - 1) / length + 1e-9)
