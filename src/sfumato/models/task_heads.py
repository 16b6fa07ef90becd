"""Several heads on the same features, one a task, their logits side by side."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from sfumato.tasks import key


class TaskHeads(nn.Module):
    """A head a task. The parameters of one begin with its task's name, so that patterns can name it."""

    def __init__(self, heads: Mapping[str, nn.Module]) -> None:
        super().__init__()
        for task, head in heads.items():
            self.add_module(self._free(key(task)), head)

    def forward(self, features_bd: Tensor) -> Tensor:
        """(B, D) features -> (B, C) logits of all tasks."""
        return torch.cat([head(features_bd) for head in self.children()], dim=1)

    def _free(self, name: str) -> str:
        """The name, or with `_` after it where every module of torch has something of that name, as of `type`."""
        while hasattr(self, name):
            name += "_"
        return name
