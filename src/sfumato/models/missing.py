"""What the head sees in the place of a picture or a text that a sample has not."""

from typing import Annotated, Literal

import torch
from pydantic import Field, Tag
from torch import Tensor, nn

from sfumato.spec import Spec, kind_or


class LearnedSpec(Spec):
    """Features that are learnt, one set for all missing pictures and one for all missing texts."""

    kind: Literal["learned"] = "learned"
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of complete samples that train without their picture or, as often, without their text, so that the
    learnt features are met and no tower is relied on alone."""


class PlaceholderSpec(Spec):
    """A black picture and an empty text, as if they were real; a compatibility setting."""

    kind: Literal["placeholder"] = "placeholder"


MissingSpec = Annotated[
    Annotated[LearnedSpec, Tag("learned")] | Annotated[PlaceholderSpec, Tag("placeholder")], kind_or("learned")
]


class Missing(nn.Module):
    """Learnt features for the tower that a sample gave nothing to.

    No tower's features are all zero, so that what is missing can be seen from the features themselves.

    Args:
        widths: (I, T) features of the towers.
        dropout: Share of complete samples that lose one of the two while training, each as often.
    """

    def __init__(self, widths: tuple[int, int], dropout: float) -> None:
        super().__init__()
        self._widths, self._dropout = widths, dropout
        self.image = nn.Parameter(torch.zeros(widths[0]))
        self.text = nn.Parameter(torch.zeros(widths[1]))

    def forward(self, features_bd: Tensor) -> Tensor:
        """(B, I + T) -> (B, I + T)."""
        halves = (features_bd[:, : self._widths[0]], features_bd[:, self._widths[0] :])
        there = [half.any(dim=1, keepdim=True) for half in halves]
        if self.training and self._dropout:
            there = self._dropped(there[0], there[1])
        own = (self.image, self.text)
        filled = [torch.where(is_, half, mine) for is_, half, mine in zip(there, halves, own, strict=True)]
        return torch.cat(filled, dim=1)

    def _dropped(self, image_b1: Tensor, text_b1: Tensor) -> list[Tensor]:
        """What of each sample is left; never nothing."""
        drawn = torch.rand(image_b1.shape, device=image_b1.device)
        both = image_b1 & text_b1
        lost_image, lost_text = drawn < self._dropout / 2, drawn >= 1 - self._dropout / 2
        return [image_b1 & ~(both & lost_image), text_b1 & ~(both & lost_text)]
