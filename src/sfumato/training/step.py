"""One optimiser step, in plain sight: settings applied, pieces differentiated, gradients clipped, weights moved."""

import contextlib
import math
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from sfumato.data.loading import Batch
from sfumato.data.mixing import mix
from sfumato.data.randomness import torch_seed
from sfumato.metrics.elements import akin
from sfumato.models.cnn_rnn.cnn_rnn import CnnRnn
from sfumato.shown import Shown
from sfumato.training.arithmetic_choice import fuses
from sfumato.training.averaging import WeightAverage, moving_weight
from sfumato.training.changeover import change_head, make_centres, replaced_head
from sfumato.training.criterion import AnyTaskLoss, Criterion
from sfumato.training.job import Job
from sfumato.training.multilabel_loss import MultilabelLoss
from sfumato.training.optimizer import apply_rates, build_optimizer
from sfumato.training.parameters import apply_learning
from sfumato.training.records import Weights
from sfumato.training.sequence_loss import SequenceLoss
from sfumato.training.settings import Settings
from sfumato.training.task_loss import TaskLoss
from sfumato.training.task_weights import weights_of
from sfumato.training.timeline import LearnTable


@dataclass(frozen=True)
class StepOutcome:
    """What one step gave, on the device: reading a number would make the host wait for it."""

    loss_sum: Tensor
    """() sum of the losses of this process's images, nats."""
    hit_sum: Tensor
    """() sum over its images of the target probability of the predicted class, its mean over the tasks."""
    images: int


class Learner:
    """The model with its optimiser, averages and centres: all that a step changes."""

    def __init__(self, job: Job) -> None:
        self.model = job.model
        self.optimizer = build_optimizer(
            job.spec.optimizer, job.model, job.plan, fused=fuses(job.spec.fused, job.machine.device.type)
        )
        self.average: WeightAverage | None = None
        """Moving average (EMA)."""
        self.mean: WeightAverage | None = None
        """Equal average of the ends of epochs (SWA)."""
        self.head = job.plan.head_at(0)
        self._job = job
        self._machine = job.machine
        self._machine.take(self.optimizer)
        self._learns: LearnTable | None = None
        self._shared: nn.Module = job.model
        weights = weights_of(job.spec.task_weights, job.train.layout.spaces)
        distill = job.spec.distill if job.teaching else None
        losses, learnt = _task_losses(job), job.model.uncertainty
        weights, sequence = (weights, None) if not isinstance(job.model, CnnRnn) else _sequence(job, job.model)
        hint = job.model.hint
        self.criterion = Criterion(losses, weights, learnt, self._mean_over_processes, distill, hint, sequence)

    def apply(self, settings: Settings) -> None:
        """Make the model, the optimiser and the averages what the settings say."""
        if settings.head != self.head:
            change_head(self._job, settings)
            self.criterion.centres = None  # another head may look at features another way
            self.take_head(settings)
        if settings.learn != self._learns:
            self._learns = settings.learn
            apply_learning(self.model, settings.learn)
            # it hooks the parameters that learn: made anew for them
            self._shared = self._machine.shared(self.model, compiled=self._job.spec.compile is True)
        apply_rates(self.optimizer, settings)
        if settings.centre_loss is None:
            self.criterion.centres = None
        elif self.criterion.centres is None:
            self.criterion.centres = make_centres(self._job, settings)
            apply_learning(self.model, settings.learn)  # asking for features has put it in evaluation mode
        if settings.ema_decay == 0:
            self.average = None
        elif self.average is None:
            self.average = WeightAverage(self.model)

    def tensors(self, weights: Weights) -> dict[str, Tensor]:
        """One of the sets of weights there are now; the model's own are no copies."""
        average = {"ema": self.average, "swa": self.mean}.get(weights)
        return average.tensors if average else self.model.state_dict()

    def take_head(self, settings: Settings) -> None:
        """Let optimiser and averages follow a model whose head is that of the settings since."""
        self.head = settings.head
        self.optimizer = replaced_head(self.optimizer, self._job)
        self._machine.take(self.optimizer)
        if self.average is not None:
            self.average.follow(self.model, "head.")
        self.mean = None  # in an equal average the head's first weights would count as often as all before it
        self._learns = None

    def leave_training(self) -> None:
        """Put the whole model in evaluation mode; the next `apply` undoes it."""
        self.model.eval()
        self._learns = None

    def share_statistics(self) -> None:
        """Give every process the main one's batch-norm statistics, averaged ones too: each saw its own share only."""
        buffers = {name: buffer for name, buffer in self.model.named_buffers() if buffer.is_floating_point()}
        self._machine.spread(buffers.values())
        for average in (self.average, self.mean):
            if average is not None:
                self._machine.spread(tensor for name, tensor in average.tensors.items() if name in buffers)

    def weights_are_finite(self) -> bool:
        """Whether every weight that learns is a number; those that are frozen stay what they were."""
        learning = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        with torch.no_grad():
            return bool(torch.nn.utils.get_total_norm(learning, math.inf).isfinite())

    def step(self, batch: Batch, settings: Settings, step_images: int) -> StepOutcome:
        """Take one step on this process's share of a batch of `step_images` images."""
        spec, device = self._job.spec, batch.images.device
        shown, soft, taught, hints = self._mixed(batch, settings)
        # after mixing, which seeds the generators of GPUs too: processes that mix alike must drop out differently
        torch.manual_seed(torch_seed(spec.seed, "step", settings.step, self._machine.rank))
        share = step_images / self._machine.processes
        wanted = self.criterion.want(batch.targets, soft, settings, share, taught, hints)
        outcome = StepOutcome(torch.zeros((), device=device), torch.zeros((), device=device), len(soft))
        pieces = max(1, min(spec.accumulate, len(soft) // 2))  # batch norm can't learn from a piece of one image
        chunks = list(zip(shown.tensor_split(pieces), soft.tensor_split(pieces), wanted.pieces(pieces), strict=True))
        offsets: list[Tensor] = []
        for turn, (piece, targets, sought) in enumerate(chunks):
            last = turn == len(chunks) - 1
            with contextlib.nullcontext() if last else self._machine.without_exchange(self._shared):
                with self._machine.autocast():
                    features, logits = cast(tuple[Tensor, Tensor], self._shared(piece))
                loss = self.criterion(features, logits, sought, settings)
                self._machine.differentiate(loss)
            outcome.loss_sum.add_(loss.detach() * share)
            outcome.hit_sum.add_(self.criterion.hits(logits.detach(), targets))
            if self.criterion.centres is not None:
                offsets.append(self.criterion.centres.offsets(features.detach(), sought.classes[:, 0]))
        self._move(settings, offsets)
        return outcome

    def _mixed(self, batch: Batch, settings: Settings) -> tuple[Tensor | Shown, Tensor, Tensor | None, Tensor | None]:
        """What is shown with its labels, and with what the teacher says of it, mixed by the same shares; its features.

        Pictures that have texts are not mixed: recipes that ask for it are refused.
        """
        soft, seed, teaching = self.criterion.targets(batch.targets), self._job.spec.seed, self._job.teaching
        logits, hints = (None, None) if teaching is None else teaching.answers(batch)
        both = soft if logits is None else torch.cat([soft, self.criterion.soften(logits)], dim=1)
        shown = batch.shown
        if isinstance(shown, Tensor):
            shown, both = mix(shown, both, settings.mixing, seed, settings.step)
        classes = soft.shape[1]
        return shown, both[:, :classes], None if logits is None else both[:, classes:], hints

    def _move(self, settings: Settings, offsets: list[Tensor]) -> None:
        learning = (parameter for parameter in self.model.parameters() if parameter.grad is not None)
        self._machine.move(learning, self._job.spec.clip_norm)
        self.model.constrain()
        if self.criterion.centres is not None and settings.centre_loss is not None:
            total = self._machine.sum(torch.stack(offsets).sum(dim=0))
            self.criterion.centres.move(total, settings.centre_loss.rate)
        if self.average is not None:
            self.average.take_in(self.model, moving_weight(settings.ema_decay, self.average.updates))

    def _mean_over_processes(self, figure: Tensor) -> Tensor:
        return self._machine.sum(figure) / self._machine.processes


def _task_losses(job: Job) -> list[AnyTaskLoss]:
    """The loss of each task."""
    train, device = job.train, job.machine.device
    if train.layout.multilabel:
        return [MultilabelLoss(train.membership, device)]
    spaces = train.layout.spaces.items()
    return [
        TaskLoss(train.counts[name], space.names, device, akin(space) if space.elements else None)
        for name, space in spaces
    ]


def _sequence(job: Job, model: CnnRnn) -> tuple[list[float], SequenceLoss]:
    """The weight of the head's loss, and the loss of the decoder beside it."""
    counts = (job.train.membership == 1).sum(axis=0)
    return [model.spec.head_weight], SequenceLoss(model.decoder, model.spec, counts, job.machine.device)
