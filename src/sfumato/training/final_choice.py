"""After the last step: the averages that can be made of what was kept, each scored, and the best weights of all."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from sfumato.training.averaging import carrying, copies, norms_that_differ, refresh_statistics
from sfumato.training.checkpoint import Ingredient, Progress
from sfumato.training.epoch_end import EpochEnd
from sfumato.training.epoch_images import images_of
from sfumato.training.ingredients import name_of
from sfumato.training.interpolation import InterpolateSpec, backbone_begins, interpolated
from sfumato.training.job import Job
from sfumato.training.keeper import START, Keeper
from sfumato.training.records import Averaged, AverageScored, Noted, Scores, Weights, standing
from sfumato.training.soup import greedy, mean_of

Tensors = dict[str, Tensor]
Tell = Callable[[Noted], None]


@dataclass(frozen=True)
class _Made:
    """Weights that were made, and what they score."""

    row: AverageScored
    tensors: Tensors


class FinalChoice:
    """Makes a soup and an interpolation where the recipe asks for them.

    It depends on what is on disk alone and changes nothing there before all is measured, so that a run that is killed
    meanwhile makes the same choice when it goes on.
    """

    def __init__(self, job: Job, keeper: Keeper, epoch_end: EpochEnd, tell: Tell) -> None:
        self._job, self._keeper, self._epoch_end, self._tell = job, keeper, epoch_end, tell

    def make(self, progress: Progress) -> tuple[AverageScored, ...]:
        """Write `best` anew if what is made scores higher; return every average's own score, none without any."""
        spec = self._job.spec
        rows = best_of_each(progress, spec.select)
        if spec.soup is None and spec.interpolate is None:
            return rows if len(rows) > 1 else ()
        written = self._keeper.read("best").progress  # it may have been killed after this and before `last`
        if written.averages:
            progress.best_score, progress.best_epoch = written.best_score, written.best_epoch
            progress.best_weights, progress.averages = written.best_weights, written.averages
        elif not progress.averages:
            self._choose(progress, rows)
        self._keeper.save(progress)
        self._keeper.clear_made_from()
        return tuple(progress.averages)

    def _choose(self, progress: Progress, rows: tuple[AverageScored, ...]) -> None:
        spec, epoch = self._job.spec, progress.history[-1].epoch
        trained = _Made(next(row for row in rows if row.kept), self._keeper.read("best").model)
        now = trained
        if spec.soup is not None:
            soup = self._soup(progress.ingredients, epoch)
            rows += (soup.row,)
            now = max(now, soup, key=self._score)  # the first of equals
        if spec.interpolate is not None:
            swept, between = self._interpolations(spec.interpolate, now, epoch)
            rows += swept
            now = max(now, between or now, key=self._score)
        progress.averages = [replace(row, kept=row is now.row) for row in rows]
        self._tell_choice(now.row)
        if now is not trained:
            progress.best_score = standing(now.row.scores, spec.select)
            weights: Averaged = "soup" if now.row.alpha is None else "interpolation"
            self._keeper.keep_made(progress, weights, now.row.epochs[0], now.tensors)

    def _soup(self, ingredients: Sequence[Ingredient], epoch: int) -> _Made:
        """The greedy soup; statistics of batch norms are those of the images of an epoch."""

        def make(places: tuple[int, ...]) -> _Made:
            chosen = [ingredients[place] for place in places]
            tensors, scores = self._measured(mean_of(self._states(chosen)), self._states(chosen), epoch)
            return _Made(AverageScored("soup", tuple(one.epoch for one in chosen), None, scores, kept=False), tensors)

        soup, trials = greedy(len(ingredients), make, self._score)
        for trial in trials:
            one, with_it = ingredients[trial.ingredient], "taken in" if trial.taken else "left out"
            what = f"epoch {one.epoch + 1} ({one.weights}) {with_it}: {self._job.spec.select} {trial.score:.4f}"
            self._tell(Noted(f"train.soup: {what}"))
        return soup

    def _states(self, ingredients: Iterable[Ingredient]) -> Iterator[Tensors]:
        """Their weights, read one by one."""
        return (self._keeper.read(name_of(one)).model for one in ingredients)

    def _interpolations(
        self, spec: InterpolateSpec, best: _Made, epoch: int
    ) -> tuple[tuple[AverageScored, ...], _Made | None]:
        """What each alpha scores, and the best below 1; none where the best weights never learned below the head."""
        begins, starts = backbone_begins(self._job.plan, self._job.model), self._job.plan.clock.starts
        if begins is None or all(starts[one + 1] <= begins for one in best.row.epochs):
            self._tell(Noted("train.interpolate: nothing to do, the best weights are from before the backbone learned"))
            return (), None
        start = self._keeper.read(START).model
        rows: list[AverageScored] = []
        highest: _Made | None = None
        for alpha in spec.swept:
            ends = [start, best.tensors] if 0 < alpha < 1 else [start]
            tensors, scores = self._measured(interpolated(start, best.tensors, alpha), ends, epoch)
            made = _Made(AverageScored("interpolation", best.row.epochs, alpha, scores, kept=False), tensors)
            rows.append(made.row)
            self._tell(Noted(f"train.interpolate: alpha {alpha:g}: {self._job.spec.select} {self._score(made):.4f}"))
            if alpha < 1 and (highest is None or self._score(made) >= self._score(highest)):
                highest = made  # of equals the nearer to the best weights
        return tuple(rows), highest

    def _measured(self, tensors: Tensors, made_of: Iterable[Tensors], epoch: int) -> tuple[Tensors, Scores]:
        """Weights, with statistics of their own where the batch norms of what they are made of differ, and scores."""
        job = self._job
        with carrying(job.model, tensors):
            job.model.eval()
            norms = norms_that_differ(job.model, made_of)
            if norms:
                refresh_statistics(job.model, images_of(job, epoch), norms)
                job.machine.spread(buffer for buffer in job.model.buffers() if buffer.is_floating_point())
            found = {name: tensor.cpu() for name, tensor in copies(job.model).items()}
            return found, self._epoch_end.validate().scores

    def _score(self, made: _Made) -> float:
        return standing(made.row.scores, self._job.spec.select)[0]

    def _tell_choice(self, kept: AverageScored) -> None:
        select = self._job.spec.select
        what = kept.weights if kept.alpha is None else f"{kept.weights} at alpha {kept.alpha:g}"
        of = ", ".join(str(epoch + 1) for epoch in kept.epochs)
        many = "epoch" if len(kept.epochs) == 1 else "epochs"
        self._tell(Noted(f"kept: {what} of {many} {of}, {select} {kept.scores[select] or 0:.4f} on validation"))


def best_of_each(progress: Progress, select: str) -> tuple[AverageScored, ...]:
    """The best epoch of the raw weights and of each average over training, as far as there are any."""
    kinds: tuple[Weights, ...] = ("raw", "ema", "swa")
    found = (_best_of(which, progress, select) for which in kinds)
    return tuple(row for row in found if row is not None)


def _best_of(which: Weights, progress: Progress, select: str) -> AverageScored | None:
    rows = [row for row in progress.history if which in row.validation]
    if not rows:
        return None
    best = max(rows, key=lambda row: standing(row.validation[which], select))
    kept = (which, best.epoch) == (progress.best_weights, progress.best_epoch)
    return AverageScored(which, (best.epoch,), None, best.validation[which], kept)
