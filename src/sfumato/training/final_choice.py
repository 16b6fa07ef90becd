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
        spec = self._job.spec
        best: _Made | None = None
        tensors = self._keeper.read("best").model
        score, epochs = (progress.best_score or (0.0, 0.0))[0], (progress.best_epoch or 0,)
        if spec.soup is not None:
            soup = self._soup(progress.ingredients, progress.history[-1].epoch)
            rows += (soup.row,)
            if self._score(soup) > score:
                best, tensors, score, epochs = soup, soup.tensors, self._score(soup), soup.row.epochs
        if spec.interpolate is not None:
            made = self._interpolations(spec.interpolate, tensors, epochs, progress.history[-1].epoch)
            rows += tuple(one.row for one in made)
            highest = max(made, key=lambda one: (self._score(one), one.row.alpha), default=None)
            if highest is not None and highest.row.alpha != 1 and self._score(highest) > score:
                best = highest
        kept = best.row if best else next(row for row in rows if row.kept)
        progress.averages = [replace(row, kept=row is kept) for row in rows]
        self._tell_choice(kept)
        if best is not None:
            progress.best_score = standing(best.row.scores, spec.select)
            weights: Averaged = "soup" if best.row.alpha is None else "interpolation"
            self._keeper.keep_made(progress, weights, best.row.epochs[0], best.tensors)

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
        self, spec: InterpolateSpec, best: Tensors, epochs: tuple[int, ...], epoch: int
    ) -> tuple[_Made, ...]:
        """One for each alpha; none where the best weights are from before the backbone learned."""
        begins, starts = backbone_begins(self._job.plan, self._job.model), self._job.plan.clock.starts
        if begins is None or all(starts[one + 1] <= begins for one in epochs):
            self._tell(Noted("train.interpolate: nothing to do, the best weights are from before the backbone learned"))
            return ()
        start = self._keeper.read(START).model
        found: list[_Made] = []
        for alpha in spec.swept:
            ends = [start, best] if 0 < alpha < 1 else [best]
            tensors, scores = self._measured(interpolated(start, best, alpha), ends, epoch)
            found.append(_Made(AverageScored("interpolation", epochs, alpha, scores, kept=False), tensors))
            said = f"alpha {alpha:g}: {self._job.spec.select} {self._score(found[-1]):.4f}"
            self._tell(Noted(f"train.interpolate: {said}"))
        return tuple(found)

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
