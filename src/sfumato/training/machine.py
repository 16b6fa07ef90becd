"""What computes: one typed view of accelerate, so that the loop reads the same on a CPU, a GPU and many of them."""

import contextlib
import os
from collections.abc import Iterable
from typing import Any, Literal, cast

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from sfumato.data.loading import Batch
from sfumato.models.arithmetic import allow_tf32

Precision = Literal["fp32", "bf16", "fp16"]
Layout = Literal["channels_last", "contiguous"]
FORMATS: dict[Layout, torch.memory_format] = {
    "channels_last": torch.channels_last,
    "contiguous": torch.contiguous_format,
}
_ACCELERATE_NAMES = {"fp32": "no", "bf16": "bf16", "fp16": "fp16"}


def launched() -> tuple[int, int]:
    """Rank of this process and number of processes, as torchrun or `accelerate launch` set them, before they meet."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


class Machine:
    """Device, precision and processes of one run.

    Args:
        device: `cuda`, `mps` or `cpu`.
        precision: Of the network's arithmetic; weights stay fp32.
        tf32: Whether a CUDA device may round the factors of fp32 products to TF32.
        layout: How images and the weights of convolutions lie in memory.
    """

    def __init__(
        self, device: str, precision: Precision, *, tf32: bool = False, layout: Layout = "channels_last"
    ) -> None:
        if device == "cuda":
            allow_tf32(tf32)
        # accelerate's state is shared by the whole process: it refuses a second run in another precision, and would
        # keep the first one's device; processes that have met can't meet again
        met = torch.distributed.is_available() and torch.distributed.is_initialized()
        AcceleratorState._reset_state(reset_partial_state=not met)  # pyright: ignore[reportPrivateUsage]
        self._accelerator = Accelerator(cpu=device == "cpu", mixed_precision=_ACCELERATE_NAMES[precision])
        self._optimizer: Any = None
        self._layout = FORMATS[layout]

    @property
    def device(self) -> torch.device:
        """Where this process computes."""
        return self._accelerator.device

    @property
    def rank(self) -> int:
        """Which of the processes this is, from 0."""
        return self._accelerator.process_index

    @property
    def processes(self) -> int:
        """How many share the work."""
        return self._accelerator.num_processes

    @property
    def is_main(self) -> bool:
        """Whether this process writes files."""
        return self._accelerator.is_main_process

    def placed(self, batch: Batch) -> Batch:
        """A batch where this process computes, laid out as the network is."""
        return batch.to(self.device, self._layout)

    def wait(self) -> None:
        """Until every process has come here."""
        self._accelerator.wait_for_everyone()

    def autocast(self) -> contextlib.AbstractContextManager[None]:
        """Within the context the network computes in the run's precision."""
        return cast("contextlib.AbstractContextManager[None]", self._accelerator.autocast())

    def shared(self, model: nn.Module, *, compiled: bool = False) -> nn.Module:
        """The model as processes share it: its gradients are averaged over them. Alone, the model itself.

        Args:
            model: With the parameters that learn now.
            compiled: Whether torch compiles what is computed.
        """
        shared = DistributedDataParallel(model) if self.processes > 1 else model
        return cast(nn.Module, torch.compile(shared)) if compiled else shared

    def without_exchange(self, model: nn.Module) -> contextlib.AbstractContextManager[None]:
        """Within the context a shared model's gradients stay in their process."""
        return model.no_sync() if isinstance(model, DistributedDataParallel) else contextlib.nullcontext()

    def take(self, optimizer: torch.optim.Optimizer) -> None:
        """Use this optimiser in `move`, and no longer the one before."""
        # accelerate undoes fp16's scale for each optimiser it was ever given: twice for what two of them share
        cast(Any, self._accelerator)._optimizers.clear()
        self._optimizer = self._accelerator.prepare_optimizer(optimizer)

    def differentiate(self, loss: Tensor) -> None:
        """Add the gradient of () `loss` to the parameters', scaled where fp16 needs it."""
        cast(Any, self._accelerator).backward(loss)

    def move(self, parameters: Iterable[Tensor], clip_norm: float | None) -> None:
        """Clip the gradient, after undoing fp16's scale, and take the optimiser's step."""
        if clip_norm is not None:
            cast(Any, self._accelerator).clip_grad_norm_(list(parameters), clip_norm)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)

    def sum(self, tensor: Tensor) -> Tensor:
        """Sum of a tensor of equal shape over all processes, the same in each."""
        return tensor if self.processes == 1 else cast(Any, self._accelerator).reduce(tensor, reduction="sum")

    def agree(self, number: int) -> int:
        """The greatest of the processes' numbers, the same in each; all must come here."""
        if self.processes == 1:
            return number
        greatest = torch.tensor(number, device=self.device)
        torch.distributed.all_reduce(greatest, torch.distributed.ReduceOp.MAX)
        return int(greatest)

    def spread(self, tensors: Iterable[Tensor]) -> None:
        """Give every process the main process's values."""
        if self.processes > 1:
            for tensor in tensors:
                torch.distributed.broadcast(tensor, src=0)

    def scaler_state(self) -> dict[str, Any]:
        """What fp16's loss scaling remembers; empty in other precisions."""
        scaler = cast(Any, self._accelerator).scaler
        return {} if scaler is None else cast(dict[str, Any], scaler.state_dict())

    def restore_scaler(self, state: dict[str, Any]) -> None:
        """Give back what `scaler_state` took."""
        if state:
            cast(Any, self._accelerator).scaler.load_state_dict(state)
