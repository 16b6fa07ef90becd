"""The one loop: steps, validation, checkpoints, stopping. The plan changes training; what watches gets records."""

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import torch

from sfumato.data.loading import Batch
from sfumato.errors import Interrupted, RunError
from sfumato.training.changeover import begin_head
from sfumato.training.checkpoint import Progress, any_below
from sfumato.training.epoch_end import EpochEnd, look_back
from sfumato.training.feed import Feed
from sfumato.training.final_choice import FinalChoice
from sfumato.training.interpolation import backbone_begins
from sfumato.training.job import Job
from sfumato.training.keeper import Keeper
from sfumato.training.memory import release_memory
from sfumato.training.parameters import learnable
from sfumato.training.records import (
    AveragesDone,
    ClassesDone,
    ClassFigures,
    EpochDone,
    Listener,
    Noted,
    Record,
    Scores,
    Started,
    StepDone,
    Weights,
)
from sfumato.training.settings import Settings
from sfumato.training.start_weights import start_weights
from sfumato.training.step import Learner, StepOutcome
from sfumato.training.stopping import StopWish, signal_name, stop_wish

LOOK_EVERY = 20
"""Steps between two looks at the loss: on a GPU each look makes the host wait."""


def fit(job: Job, listeners: Sequence[Listener], *, resume: bool = False) -> None:
    """Train to the end of the plan and leave the best weights in the job's model, in evaluation mode.

    Args:
        job: What to train; its model is changed.
        listeners: Told of everything, in the main process only.
        resume: Go on from the last whole checkpoint in the job's folder; from the start if none was ever written.

    Raises:
        Interrupted: Ctrl-C or SIGTERM; everything is saved.
        RunError: A loss that is not finite, an image that vanished, a disk that is full.
        InputError: There is nothing to resume from.
    """
    loop = _Loop(job, listeners)
    try:
        with stop_wish() as wish:
            loop.begin(resume)
            loop.run(wish)
        late = signal_name(job.machine.agree(wish.number))
        if late:
            raise Interrupted(f"stopped by {late} after the last step; everything is saved")
        loop.end()
    finally:
        for listener in listeners:
            listener.close()


class _Loop:
    def __init__(self, job: Job, listeners: Sequence[Listener]) -> None:
        job.model.to(job.machine.device)
        self._job = job
        self._listeners: Sequence[Listener] = listeners if job.machine.is_main else ()
        self._learner = Learner(job)
        self._keeper = Keeper(job, self._learner)
        self._progress = Progress()
        self._unread: list[StepOutcome] = []
        self._epoch_end = EpochEnd(job, self._learner)
        self._feed = Feed(job, self._learner, self._epoch_end, self._tell)
        self._start_at = backbone_begins(job.plan, job.model) if job.spec.interpolate else None

    def begin(self, resume: bool) -> None:
        """Write the first checkpoint and announce the start, or take up the last one."""
        if not (resume and any_below(self._job.folder)):
            begin_head(self._job)
            self._keeper.save(self._progress)  # a run that is killed in its first epoch can then go on too
        else:
            self._progress, warnings = self._keeper.take_up()
            for warning in warnings:
                self._tell(Noted(warning, warning=True))
        self._feed.begin(self._progress.step)
        history, many = tuple(self._progress.history), self._job.train.layout.multilabel
        self._tell(Started(self._job.plan, self._progress.step, history, many))

    def run(self, wish: StopWish) -> None:
        """Take every step that is left."""
        progress, starts = self._progress, self._job.plan.clock.starts
        watch = _Stopwatch()
        for batch in self._feed.batches(self._job.plan.steps if progress.feedback.stopped else progress.step):
            settings = self._settings(progress.step)
            self._step(batch, settings, watch)
            if progress.step % LOOK_EVERY == 0:
                self._look()
            if progress.step in starts:
                self._end_epoch(settings, watch)
                watch = _Stopwatch()
            self._save(wish)
            if progress.feedback.stopped:
                break

    def end(self) -> None:
        """Leave the best weights in the model, of those made now too; without a validation part, the last."""
        self._feed.end()
        if self._progress.best_weights is None:
            learner = self._learner
            weights: Weights = "swa" if learner.mean else "ema" if learner.average else "raw"
            self._keeper.keep_as_best(self._progress, weights, self._job.plan.clock.epochs - 1)
            self._keeper.save(self._progress)
        else:
            choice = FinalChoice(self._job, self._keeper, self._epoch_end, self._tell)
            self._tell(AveragesDone(choice.make(self._progress)))
        self._keeper.load_best()
        self._job.model.forget_texts()
        self._job.model.eval()
        self._tell_weights()

    def _tell_weights(self) -> None:
        """Say how much each task counted in the best weights, where that was learnt."""
        learnt = self._job.model.uncertainty
        if learnt is not None:
            values = cast(list[float], torch.exp(-learnt.detach()).tolist())
            weights = zip(self._job.train.layout.spaces, values, strict=True)
            said = ", ".join(f"{task} {weight:.3g}" for task, weight in weights)
            self._tell(Noted(f"train.task_weights: {said}, learnt by the kept epoch"))

    def _settings(self, step: int) -> Settings:
        """What the plan says, at the rate that a plateau has left."""
        plan, factor = self._job.plan, self._progress.feedback.lr_factor
        return replace(plan.at(step), lr=plan.lr_at(plan.clock.epoch_at(step), factor))

    def _step(self, batch: Batch, settings: Settings, watch: "_Stopwatch") -> None:
        images = self._job.plan.images_at(settings.step)
        self._feed.reach(settings.step)
        self._learner.apply(settings)
        if settings.step == self._start_at:
            self._keeper.keep_start(self._progress, start_weights(self._job, settings.step))
            self._learner.leave_training()
            self._learner.apply(settings)
        self._unread.append(self._learner.step(self._job.machine.placed(batch), settings, images))
        self._progress.step += 1
        self._progress.images += images
        watch.images += images
        self._tell(StepDone(settings.step, settings.epoch, images, settings.lr))

    def _look(self) -> None:
        """Read the outcomes of the steps since the last look, in their order, and refuse a loss that is not finite."""
        if not self._unread:
            return
        pairs = torch.stack([torch.stack([outcome.loss_sum, outcome.hit_sum]) for outcome in self._unread])
        for loss_sum, hit_sum in cast(list[list[float]], self._job.machine.sum(pairs).cpu().double().tolist()):
            self._progress.loss_sum += loss_sum
            self._progress.hit_sum += hit_sum
        last = self._progress.step - 1
        first = self._progress.step - len(self._unread)
        self._unread = []
        if not math.isfinite(self._progress.loss_sum):
            raise self._not_finite(
                "the loss is", f"at step {first}" if first == last else f"between steps {first} and {last}"
            )

    def _look_at_weights(self) -> None:
        """Refuse weights that are not finite: the last step may have spoilt them after its loss was computed."""
        self._look()
        if self._progress.step and not self._learner.weights_are_finite():
            raise self._not_finite("weights are", f"after step {self._progress.step - 1}")

    def _not_finite(self, what: str, when: str) -> RunError:
        return RunError(
            f"{what} not finite {when} (epoch {self._job.plan.at(self._progress.step - 1).epoch + 1}); "
            f"lower train.optimizer.lr ({self._job.spec.optimizer.lr:g}), lengthen train.schedule.warmup, "
            f"or use train.precision: fp32"
        )

    def _end_epoch(self, settings: Settings, watch: "_Stopwatch") -> None:
        self._look_at_weights()
        speed, progress = watch.images / watch.seconds, self._progress
        measured = self._epoch_end.measure(settings.epoch)
        scored: dict[Weights, Scores] = {which: found.scores for which, found in measured.items()}
        classes: dict[Weights, ClassFigures] = {which: found.classes for which, found in measured.items()}
        row = EpochDone(
            epoch=settings.epoch,
            step=progress.step,
            lr=settings.lr,
            image_size=settings.image_size,
            learning=learnable(self._job.model, settings.learn)[0],
            train_loss=progress.loss_sum / progress.images,
            train_accuracy=progress.hit_sum / progress.images,
            validation=scored,
            best=self._keeper.keep_best(progress, scored, settings.epoch),
            images_per_second=speed,
            seconds=watch.seconds,
        )
        progress.history.append(row)
        progress.loss_sum, progress.hit_sum, progress.images = 0.0, 0.0, 0
        self._tell(row)
        self._tell(ClassesDone(settings.epoch, classes))
        said = look_back(self._job, progress.feedback, row)
        if said:
            self._tell(said)
        release_memory()

    def _save(self, wish: StopWish) -> None:
        step, steps, stopped = self._progress.step, self._job.plan.steps, self._progress.feedback.stopped
        due = self._keeper.is_due(step) or stopped
        interrupted = self._interrupted(wish, due) if step < steps and not stopped else None
        if interrupted or due:
            self._look_at_weights()  # nothing that is not finite is ever saved
            self._keeper.save_due(self._progress, now=stopped or interrupted is not None)
        if interrupted:
            raise Interrupted(f"stopped by {interrupted} after step {step} of {steps}; everything is saved")

    def _interrupted(self, wish: StopWish, due: bool) -> str | None:
        """The signal to stop for. Several processes agree on it, and not at every step: asking makes a GPU wait."""
        step, machine = self._progress.step, self._job.machine
        if machine.processes > 1 and not (due or step % LOOK_EVERY == 0 or step in self._job.plan.clock.starts):
            return None
        return signal_name(machine.agree(wish.number))

    def _tell(self, record: Record) -> None:
        for listener in self._listeners:
            listener(record)


class _Stopwatch:
    """Seconds since it was made, and images counted meanwhile."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self.images = 0

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._start
