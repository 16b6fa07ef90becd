"""Keeping a training: `last` and its forerunner, the best weights, and those kept for good."""

from dataclasses import replace

from sfumato.training import checkpoint
from sfumato.training.checkpoint import Checkpoint, Progress
from sfumato.training.duration import Duration
from sfumato.training.job import Job
from sfumato.training.optimizer import optimizer_tensors, restore_optimizer
from sfumato.training.step import Learner
from sfumato.training.validation import Validation


class Keeper:
    """Writes the checkpoints of one job, in its main process, and takes them up again."""

    def __init__(self, job: Job, learner: Learner) -> None:
        self._job = job
        self._learner = learner

    def take_up(self) -> tuple[Progress, list[str]]:
        """Put the last whole checkpoint into model, optimiser and average; return its progress and any warnings.

        Raises:
            InputError: There is none.
        """
        saved, warnings = checkpoint.latest(self._job.folder)
        self._job.model.load_state_dict(saved.model)
        restore_optimizer(self._learner.optimizer, saved.optimizer)
        if saved.average:
            self._learner.restore_average(saved.average, saved.progress.average_updates)
        self._job.machine.restore_scaler(saved.progress.scaler)
        return saved.progress, warnings

    def save(self, progress: Progress, name: str = "last") -> None:
        """Write everything that the next step depends on."""
        average = self._learner.average
        progress.average_updates = average.updates if average else 0
        progress.scaler = self._job.machine.scaler_state()
        if self._job.machine.is_main:
            folder = self._job.folder
            tensors = optimizer_tensors(self._learner.optimizer)
            state = Checkpoint(progress, self._job.model.state_dict(), tensors, average.tensors if average else {})
            checkpoint.save(folder / name, state, keep=folder / "previous" if name == "last" else None)
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

    def keep_if_best(self, progress: Progress, weights: str, result: Validation, epoch: int) -> bool:
        """Write `best` if these weights, `raw` or `ema`, score higher than any before, or equally at a lower loss."""
        score = (result.scores[self._job.spec.select], -result.loss)
        if progress.best_score is not None and score <= progress.best_score:
            return False
        progress.best_score = score
        self.keep_as_best(progress, weights, epoch)
        return True

    def keep_as_best(self, progress: Progress, weights: str, epoch: int) -> None:
        """Write `best`."""
        progress.best_weights, progress.best_epoch = weights, epoch
        average = self._learner.average
        tensors = average.tensors if weights == "ema" and average else self._job.model.state_dict()
        if self._job.machine.is_main:
            checkpoint.save(self._job.folder / "best", Checkpoint(replace(progress), tensors, {}, {}))
        self._job.machine.wait()

    def load_best(self) -> None:
        """Put the best weights into the model."""
        self._job.model.load_state_dict(checkpoint.load(self._job.folder / "best").model)

    def _last_is_due(self, step: int) -> bool:
        return step == self._job.plan.steps or self._reached(self._job.spec.checkpoint.every, step)

    def _reached(self, every: Duration, step: int) -> bool:
        """Whether a multiple of the duration was reached by the step just taken."""
        clock = self._job.plan.clock
        if every.unit == "st":
            return step % int(every.amount) == 0
        length = every.amount if every.unit == "ep" else every.amount * clock.epochs / 100
        return int(clock.passed(step) / length + 1e-9) > int(clock.passed(step - 1) / length + 1e-9)
