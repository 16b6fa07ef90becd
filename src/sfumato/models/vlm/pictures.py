"""The tokens of pictures, computed once for each picture while what computes them stays as it is."""

from collections.abc import Callable
from hashlib import blake2b

import torch
from torch import Tensor, nn

MOST_BYTES = 4e9
"""Main memory that kept tokens may take; pictures beyond it are looked at anew each time."""


class SeenPictures:
    """Keeps what a tower made of pictures. A picture is known by its pixels, so augmented ones are others.

    Args:
        parts: What computes the tokens: as soon as a parameter of them learns or changes, nothing is kept.
    """

    def __init__(self, *parts: nn.Module) -> None:
        self._parameters = [parameter for part in parts for parameter in part.parameters()]
        self._known: dict[bytes, Tensor] = {}
        self._bytes = 0
        self._state: tuple[int, ...] = ()

    def tokens(self, images: Tensor, compute: Callable[[Tensor], Tensor]) -> Tensor:
        """(P, K, H) of (P, 3, S, S) uint8 pictures, those that are not known by `compute`.

        Args:
            images: Pixels of 0 to 255.
            compute: (P', 3, S, S) -> (P', K, H).
        """
        if any(parameter.requires_grad for parameter in self._parameters) or images.dtype != torch.uint8:
            self.forget()
            return compute(images)
        self._forget_if_changed()
        keys = [blake2b(image.cpu().contiguous().numpy().data, digest_size=16).digest() for image in images]
        new = [place for place, key in enumerate(keys) if key not in self._known]
        made = dict(zip(new, compute(images[new]), strict=True)) if new else {}
        where = images.device
        found = torch.stack([made[i] if i in made else self._known[key].to(where) for i, key in enumerate(keys)])
        self._keep({keys[place]: tokens for place, tokens in made.items()})
        return found

    def forget(self) -> None:
        """Look at every picture anew."""
        self._known, self._bytes = {}, 0

    def _forget_if_changed(self) -> None:
        """A version is raised by whatever writes into a tensor: loading, averaging, an optimiser."""
        state = tuple(one for p in self._parameters for one in (p.data_ptr(), p._version))
        if state != self._state:
            self.forget()
        self._state = state

    def _keep(self, made: dict[bytes, Tensor]) -> None:
        size = sum(tokens.nbytes for tokens in made.values())
        if self._bytes + size <= MOST_BYTES:
            with torch.inference_mode(mode=False):  # seen in validation, they may be trained by later
                self._known |= {key: tokens.detach().to("cpu", copy=True) for key, tokens in made.items()}
            self._bytes += size
