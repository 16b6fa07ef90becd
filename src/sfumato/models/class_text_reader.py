"""Reads the texts of the classes: once a step while the tower learns, and once in all while it does not.

Shapes: K texts, T features of a text.
"""

import weakref
from collections.abc import Sequence

import torch
from torch import Tensor

from sfumato.models.text_tower import TextTower, Tokens

AT_ONCE = 128
"""Texts that are read together."""
_Version = tuple[weakref.ref[Tensor], int, torch.device]


class ClassTextReader:
    """The features of texts, computed anew only if the tower could give others.

    Args:
        tower: What reads them; its parameters stay those of the model it is part of.
        texts: K.
    """

    def __init__(self, tower: TextTower, texts: Sequence[str]) -> None:
        self._tower, self._texts = tower, tuple(texts)
        self.tokens = Tokens(tower)
        """Of the texts."""
        self._kept: Tensor | None = None
        self._read_by: list[_Version] = []

    def features(self, device: torch.device) -> Tensor:
        """(K, T): with gradients while a parameter of the tower learns, else in full precision."""
        learns = any(parameter.requires_grad for parameter in self._tower.parameters())
        if self._tower.training or (learns and torch.is_grad_enabled()):
            return self._read(device)
        if self._kept is None or not self._is_as_it_was():
            with torch.inference_mode(mode=False), torch.no_grad(), torch.autocast(device.type, enabled=False):
                self._kept = self._read(device).float()
            self._read_by = [(weakref.ref(tensor), *_version(tensor)) for tensor in self._tower.parameters()]
        return self._kept

    def _read(self, device: torch.device) -> Tensor:
        parts = [self._texts[begin : begin + AT_ONCE] for begin in range(0, len(self._texts), AT_ONCE)]
        return torch.cat([self._tower(*self.tokens.padded(part, device)) for part in parts])

    def _is_as_it_was(self) -> bool:
        """Whether no weight was changed, exchanged or moved since; asking costs no arithmetic."""
        now = list(self._tower.parameters())
        return len(now) == len(self._read_by) and all(
            of() is tensor and (version, device) == _version(tensor)
            for tensor, (of, version, device) in zip(now, self._read_by, strict=True)
        )


def _version(tensor: Tensor) -> tuple[int, torch.device]:
    """How often a tensor was written to, and where it is."""
    return tensor._version, tensor.device
