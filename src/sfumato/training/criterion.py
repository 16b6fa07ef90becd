"""What is minimised at a step: the losses of the tasks, weighed and added up, and the centre loss beside them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor, nn

from sfumato.losses.centre import Centres
from sfumato.losses.distilled import distilled_terms, softened
from sfumato.losses.hint import hint_losses
from sfumato.losses.reduce import reduce
from sfumato.training.distillation import DistillSpec
from sfumato.training.multilabel_loss import MultilabelLoss
from sfumato.training.sequence_loss import SequenceLoss
from sfumato.training.settings import Settings
from sfumato.training.task_loss import TaskLoss

AnyTaskLoss = TaskLoss | MultilabelLoss


@dataclass(frozen=True)
class Wanted:
    """What a batch of B images should be answered with: T tasks, C classes of them all side by side."""

    classes: Tensor
    """(B, W) before mixing: the columns of each task, an index, or one a label; below 0 = unknown."""
    targets: Tensor
    """(B, C) probabilities, mixed and smoothed; nan for a label that is not known."""
    factors: Tensor
    """(B, C) under which the terms of each task add up to its mean loss over the batch."""
    answered: Tensor
    """(T,) 1 for a task that the batch has an answer to, else 0."""
    share: float
    """Images of the whole step over its processes."""
    taught: Tensor | None = None
    """(B, C) softened probabilities of the teacher, mixed; None = there is none."""
    hints: Tensor | None = None
    """(B, D) features of the teacher; None = they are left alone."""
    part: float = 1.0
    """Share of a batch that this is, 0 to 1."""

    def pieces(self, count: int) -> "list[Wanted]":
        """The same batch in pieces, whose losses add up to its own."""
        classes, targets, factors = (t.tensor_split(count) for t in (self.classes, self.targets, self.factors))
        taught, hints = (_split(t, count) for t in (self.taught, self.hints))
        whole = len(self.classes)
        return [
            replace(self, classes=y, targets=q, factors=f, taught=t, hints=h, part=len(y) / whole)
            for y, q, f, t, h in zip(classes, targets, factors, taught, hints, strict=True)
        ]


class Criterion:
    """The loss of batches.

    Args:
        tasks: The loss of each task.
        weights: T numbers, how much each counts; without effect on learnt ones.
        uncertainty: (T,) logarithms of variances that are learnt; None = the weights are fixed.
        total: Mean over the processes that share a batch, () -> ().
        distill: How a teacher counts, where there is one.
        hint: (B, D) features of the student -> those of the teacher, where they are matched.
        sequence: The loss of what is written one class after another, where anything is.
    """

    def __init__(
        self,
        tasks: Sequence[AnyTaskLoss],
        weights: Sequence[float],
        uncertainty: Tensor | None,
        total: Callable[[Tensor], Tensor],
        distill: DistillSpec | None = None,
        hint: nn.Module | None = None,
        sequence: SequenceLoss | None = None,
    ) -> None:
        self.sizes = [task.classes for task in tasks]
        """Classes of each task."""
        self.centres: Centres | None = None
        self._columns = [task.columns for task in tasks]
        self._tasks = tasks
        self._weights = weights
        self._uncertainty = uncertainty
        self._total = total
        self._distill = distill
        self._hint = hint
        self._sequence = sequence

    def targets(self, answers: Tensor) -> Tensor:
        """(B, W) columns of each task side by side -> (B, C) probabilities, as their logits are."""
        parts = cast(tuple[Tensor, ...], answers.split(self._columns, dim=1))
        return _beside([task.targets(part) for task, part in zip(self._tasks, parts, strict=True)])

    def soften(self, logits: Tensor) -> Tensor:
        """(B, C) scores of the teacher -> (B, C) probabilities of each task, at the temperature of the recipe."""
        assert self._distill is not None
        return _beside([softened(part, self._distill.temperature) for part in self._by_task(logits)])

    def want(
        self,
        classes: Tensor,
        targets: Tensor,
        settings: Settings,
        share: float,
        taught: Tensor | None = None,
        hints: Tensor | None = None,
    ) -> Wanted:
        """Smooth and weigh a batch.

        Smoothing and class weights are of the labels: what the teacher says stays as it is.

        Args:
            classes: (B, W) before mixing, as in a batch.
            targets: (B, C) probabilities, mixed.
            settings: Of the step.
            share: Images of the whole step over its processes.
            taught: (B, C) softened probabilities of the teacher, mixed.
            hints: (B, D) features of the teacher.
        """
        parts = self._by_task(targets)
        factors = [task.factors(part, settings, self._total) for task, part in zip(self._tasks, parts, strict=True)]
        smooth = [task.smoothed(part, settings.label_smoothing) for task, part in zip(self._tasks, parts, strict=True)]
        asked = parts if taught is None else self._by_task(taught)  # a teacher has an answer to every task
        return Wanted(classes, _beside(smooth), _beside(factors), self._answered(asked), share, taught, hints)

    def __call__(self, features: Tensor, logits: Tensor, wanted: Wanted, settings: Settings) -> Tensor:
        """() loss of a piece of a batch: (B, D) features, (B, C) logits."""
        parts = zip(self._tasks, *map(self._by_task, (logits, wanted.targets, wanted.factors)), strict=True)
        losses = [reduce(task.terms(z, q, settings), factors) for task, z, q, factors in parts]
        loss = self._joined(self._with_teacher(losses, logits, wanted), wanted)
        if self._distill and self._distill.features and self._hint is not None and wanted.hints is not None:
            apart = hint_losses(self._hint(features.float()), wanted.hints)
            loss = loss + self._distill.features * apart.sum() / wanted.share
        if self._sequence is not None:
            loss = loss + self._sequence.losses(features, wanted.classes, settings).sum() / wanted.share
        if settings.centre_loss is None or self.centres is None:
            return loss
        return loss + self.centres.losses(features, wanted.classes[:, 0], settings.centre_loss).sum() / wanted.share

    def hits(self, logits: Tensor, targets: Tensor) -> Tensor:
        """() sum over the images of the target probability of what is predicted, its mean over the tasks answered."""
        parts = zip(self._tasks, *map(self._by_task, (logits, targets)), strict=True)
        named = [task.hits(z, q) for task, z, q in parts]
        if len(named) == 1:
            return named[0].sum()
        return (torch.stack(named, dim=1).sum(dim=1) / targets.sum(dim=1).clamp(min=1e-12)).sum()

    def _with_teacher(self, losses: list[Tensor], logits: Tensor, wanted: Wanted) -> list[Tensor]:
        """Each task's loss on its labels, and beside it how far its answers are from the teacher's."""
        if self._distill is None or wanted.taught is None:
            return losses
        share, temperature = self._distill.weight, self._distill.temperature
        pairs = zip(self._by_task(logits), self._by_task(wanted.taught), strict=True)
        soft = [distilled_terms(z, q, temperature).sum() / wanted.share for z, q in pairs]
        return [(1 - share) * hard + share * taught for hard, taught in zip(losses, soft, strict=True)]

    def _joined(self, losses: list[Tensor], wanted: Wanted) -> Tensor:
        """() weighted sum of the tasks' losses.

        Learnt, it is sum of exp(-s) L + s / 2 with s = log sigma^2: Kendall, Gal and Cipolla, Multi-Task Learning Using
        Uncertainty, CVPR 2018, eq. 10 for tasks that are all classifications. A task that the batch has no answer to
        leaves its s alone.
        """
        if self._uncertainty is None:
            weighed = [loss if w == 1 else w * loss for loss, w in zip(losses, self._weights, strict=True)]
            return sum(weighed[1:], weighed[0])
        s = self._uncertainty
        return (torch.exp(-s) * torch.stack(losses)).sum() + (wanted.answered * s).sum() / 2 * wanted.part

    def _answered(self, parts: Sequence[Tensor]) -> Tensor:
        if self._uncertainty is None:
            return torch.ones(len(parts))  # nobody asks, and the processes need not meet for it
        return torch.stack([(self._total(part.sum()) > 0).float() for part in parts])

    def _by_task(self, together: Tensor) -> Sequence[Tensor]:
        """(B, C) -> (B, classes) of each task."""
        if len(self.sizes) == 1:
            return (together,)
        return cast(tuple[Tensor, ...], together.split(self.sizes, dim=1))


def _split(tensor: Tensor | None, count: int) -> Sequence[Tensor | None]:
    return [None] * count if tensor is None else tensor.tensor_split(count)


def _beside(parts: Sequence[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(list(parts), dim=1)
