"""What a text tower made of texts, kept beside its weights, so that a bundle answers without asking it again.

Shapes: T features of a text.
"""

import zlib

import torch
from torch import Tensor

from sfumato.models.text_tower import TextTower

TOWER, TEXT = "tower", "text:"
"""Names of tensors: which weights read, and, with the text itself behind it, what of one they made."""


def as_tensors(texts: dict[str, Tensor], tower: TextTower) -> dict[str, Tensor]:
    """Text -> its (T,) features, by name, with what tells the tower that made them."""
    mark = torch.tensor(fingerprint(tower), dtype=torch.int64)
    return {TOWER: mark, **{f"{TEXT}{text}": features.float() for text, features in texts.items()}}


def made_by(tensors: dict[str, Tensor], tower: TextTower) -> dict[str, Tensor]:
    """Text -> its (T,) features, if these very weights made them; else none, and it is read anew."""
    if int(tensors.get(TOWER, torch.tensor(-1))) != fingerprint(tower):
        return {}
    return {name.removeprefix(TEXT): one for name, one in tensors.items() if name.startswith(TEXT)}


def fingerprint(tower: TextTower) -> int:
    """A checksum of all its weights: 0 to 2 ** 32 - 1."""
    found = 0
    for name, tensor in sorted(tower.state_dict().items()):
        plain = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        found = zlib.crc32(plain.numpy().data, zlib.crc32(name.encode(), found))
    return found
