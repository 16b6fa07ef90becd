"""Reads the texts of the classes: once a step while the tower learns, and once in all while it does not.

Shapes: K texts, T features of a text.
"""

import weakref
from collections.abc import Sequence

import torch
from torch import Tensor

from sfumato.models.read_texts import as_tensors, made_by
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
        self._stored: dict[str, Tensor] = {}
        self._kept: Tensor | None = None
        self._read_by: list[_Version] = []

    def take(self, stored: dict[str, Tensor]) -> None:
        """Have what `stored` gave, whatever of it these weights made; asked for at the first look."""
        self._stored, self._kept = stored, None

    def stored(self) -> dict[str, Tensor]:
        """What the tower, which must be in evaluation mode, makes of the texts, for a bundle."""
        features = self.features(next(self._tower.parameters()).device)
        return as_tensors(dict(zip(self._texts, features.detach().cpu(), strict=True)), self._tower)

    def features(self, device: torch.device) -> Tensor:
        """(K, T): with gradients while a parameter of the tower learns, else in full precision."""
        learns = any(parameter.requires_grad for parameter in self._tower.parameters())
        if self._tower.training or (learns and torch.is_grad_enabled()):
            return self._read(device)
        if self._kept is None or not self._is_as_it_was():
            with torch.inference_mode(mode=False), torch.no_grad(), torch.autocast(device.type, enabled=False):
                self._kept = self._with_stored(device).float()
            self._read_by = [(weakref.ref(tensor), *_version(tensor)) for tensor in self._tower.parameters()]
        return self._kept

    def _with_stored(self, device: torch.device) -> Tensor:
        """(K, T), of which only those are read that were not before."""
        known = made_by(self._stored, self._tower) if self._stored else {}
        new = tuple(dict.fromkeys(text for text in self._texts if text not in known))
        read = dict(zip(new, self._read(device, new), strict=True)) if new else {}
        self._stored = {}
        return torch.stack([read[text] if text in read else known[text].to(device) for text in self._texts])

    def _read(self, device: torch.device, texts: tuple[str, ...] | None = None) -> Tensor:
        texts = self._texts if texts is None else texts
        parts = [texts[begin : begin + AT_ONCE] for begin in range(0, len(texts), AT_ONCE)]
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
