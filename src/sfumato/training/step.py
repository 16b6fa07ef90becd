"""One optimiser step, in plain sight: settings applied, pieces differentiated, gradients clipped, weights moved."""

import contextlib
import math
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from sfumato.data.loading import Batch
from sfumato.data.mixing import mix, one_hot
from sfumato.data.randomness import torch_seed
from sfumato.losses.reduce import reduce
from sfumato.models.classifier import Classifier
from sfumato.settings import Settings
from sfumato.training.averaging import MovingAverage
from sfumato.training.job import TrainSpec
from sfumato.training.machine import Machine
from sfumato.training.optimizer import apply_rates
from sfumato.training.parameters import apply_learning
from sfumato.training.timeline import LearnTable


@dataclass(frozen=True)
class StepOutcome:
    """What one step gave, on the device: reading a number would make the host wait for it."""

    loss_sum: Tensor
    """() sum of the losses of this process's images, nats."""
    hit_sum: Tensor
    """() sum over its images of the target probability of the predicted class."""
    images: int


class Learner:
    """The model with its optimiser and moving average: all that a step changes."""

    def __init__(
        self,
        model: Classifier,
        optimizer: torch.optim.Optimizer,
        machine: Machine,
        spec: TrainSpec,
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.average: MovingAverage | None = None
        self._machine = machine
        machine.take(optimizer)
        self._seed = spec.seed
        self._pieces = spec.accumulate
        self._clip_norm = spec.clip_norm
        self._learns: LearnTable | None = None
        self._shared: nn.Module = model

    def apply(self, settings: Settings) -> None:
        """Make the model and the optimiser what the settings say."""
        apply_rates(self.optimizer, settings)
        if settings.learn != self._learns:
            self._learns = settings.learn
            apply_learning(self.model, settings.learn)
            self._shared = self._machine.shared(self.model)  # it hooks the parameters that learn: made anew for them
        if settings.ema_decay == 0:
            self.average = None
        elif self.average is None:
            self.average = MovingAverage(self.model)

    def restore_average(self, tensors: dict[str, Tensor], updates: int) -> None:
        """Go on with a saved moving average."""
        self.average = MovingAverage(self.model)
        self.average.restore(tensors, updates)

    def leave_training(self) -> None:
        """Put the whole model in evaluation mode; the next `apply` undoes it."""
        self.model.eval()
        self._learns = None

    def share_statistics(self) -> None:
        """Give every process the main one's batch-norm statistics, averaged ones too: each saw its own share only."""
        buffers = {name: buffer for name, buffer in self.model.named_buffers() if buffer.is_floating_point()}
        self._machine.spread(buffers.values())
        if self.average is not None:
            self._machine.spread(tensor for name, tensor in self.average.tensors.items() if name in buffers)

    def weights_are_finite(self) -> bool:
        """Whether every weight is a number."""
        with torch.no_grad():
            return bool(torch.nn.utils.get_total_norm(self.model.parameters(), math.inf).isfinite())

    def step(self, batch: Batch, settings: Settings, step_images: int) -> StepOutcome:
        """Take one step on this process's share of a batch of `step_images` images."""
        images, targets = mix(batch.images, one_hot(batch.targets, self.model.classes), settings, self._seed)
        # after mixing, which seeds the generators of GPUs too: processes that mix alike must drop out differently
        torch.manual_seed(torch_seed(self._seed, "step", settings.step, self._machine.rank))
        share = step_images / self._machine.processes
        outcome = StepOutcome(torch.zeros((), device=images.device), torch.zeros((), device=images.device), len(images))
        pieces = max(1, min(self._pieces, len(images) // 2))  # batch norm can't learn from a piece of one image
        chunks = list(zip(images.tensor_split(pieces), targets.tensor_split(pieces), strict=True))
        for turn, (piece, wanted) in enumerate(chunks):
            last = turn == len(chunks) - 1
            with contextlib.nullcontext() if last else self._machine.without_exchange(self._shared):
                with self._machine.autocast():
                    losses, logits = cast(tuple[Tensor, Tensor], self._shared(piece, wanted, settings))
                self._machine.differentiate(reduce(losses, share))
            outcome.loss_sum.add_(losses.detach().sum())
            outcome.hit_sum.add_(wanted.gather(1, logits.detach().argmax(dim=1, keepdim=True)).sum())
        self._move(settings)
        return outcome

    def _move(self, settings: Settings) -> None:
        learning = (parameter for parameter in self.model.parameters() if parameter.grad is not None)
        self._machine.move(learning, self._clip_norm)
        if self.average is not None:
            self.average.update(self.model, settings.ema_decay)
