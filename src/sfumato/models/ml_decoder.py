"""ML-Decoder: a head for many classes that looks at every place of a picture, not at their mean.

Ridnik et al., ML-Decoder: Scalable and Versatile Classification Head, WACV 2023: one layer of a Transformer decoder
whose queries stand for groups of classes and do not look at each other, so that its cost grows with the number of
groups; a group's classes then have a linear layer of their own.

Shapes: B batch, T places (tokens), D features of a place, E width, K groups, G classes a group, C classes.
"""

from typing import Annotated, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from sfumato.spec import Spec


class MlDecoderHeadSpec(Spec):
    """Queries that look at every place of the picture, a group of classes each; where an image may be of several."""

    kind: Literal["ml_decoder"]
    groups: Annotated[int, Field(ge=1, le=10_000)] = 100
    """Most queries there are; each answers for equally many classes, and there are no more than classes."""
    queries: Literal["fixed", "learnt"] = "fixed"
    """Whether the queries stay the random vectors they begin as, as the paper proposes."""
    width: Annotated[int, Field(ge=1, le=10_000)] = 768
    """Of the queries, and of the features once they are projected."""
    attention_heads: Annotated[int, Field(ge=1, le=1000)] = 8
    """Ways to look, side by side; a divisor of `width`."""
    hidden: Annotated[int, Field(ge=1, le=100_000)] = 2048
    """Width of the hidden layer."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of units switched off at random while training."""

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> Self:
        if self.width % self.attention_heads:
            raise ValueError(f"attention_heads {self.attention_heads} does not divide width {self.width}")
        return self


class MlDecoder(nn.Module):
    """(B, T, D) features of the places of pictures -> (B, C) logits.

    Args:
        spec: As the recipe has it.
        features: D.
        classes: C. Where it is no multiple of G the last group answers for fewer.
    """

    queries: Tensor

    def __init__(self, spec: MlDecoderHeadSpec, features: int, classes: int) -> None:
        super().__init__()
        self.classes = classes
        share = -(-classes // min(spec.groups, classes))
        groups = -(-classes // share)  # no more than have a class to answer for
        self.embed = nn.Linear(features, spec.width)
        queries = torch.randn(groups, spec.width)
        if spec.queries == "learnt":
            self.queries = nn.Parameter(queries)
        else:
            self.register_buffer("queries", queries)
        self.attend = nn.MultiheadAttention(spec.width, spec.attention_heads, spec.dropout, batch_first=True)
        self.widen, self.narrow = nn.Linear(spec.width, spec.hidden), nn.Linear(spec.hidden, spec.width)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(spec.width) for _ in range(3))
        self.dropout = nn.Dropout(spec.dropout)
        self.group_weight = nn.Parameter(torch.empty(groups, spec.width, share))
        self.bias = nn.Parameter(torch.zeros(classes))
        nn.init.normal_(self.group_weight, std=0.01)  # an even guess, as other heads begin with

    def forward(self, tokens_btd: Tensor) -> Tensor:
        """(B, T, D) features -> (B, C) logits."""
        places_bte = F.relu(self.embed(tokens_btd))
        asked_bke = self.queries.expand(tokens_btd.shape[0], -1, -1)  # no len: exported graphs take any batch
        asked_bke = self.norm1(asked_bke + self.dropout(asked_bke))
        seen_bke, _ = self.attend(asked_bke, places_bte, places_bte, need_weights=False)
        asked_bke = self.norm2(asked_bke + self.dropout(seen_bke))
        bent_bke = self.narrow(self.dropout(F.relu(self.widen(asked_bke))))
        asked_bke = self.norm3(asked_bke + self.dropout(bent_bke))
        logits_bkg = torch.einsum("bke,keg->bkg", asked_bke, self.group_weight)
        return logits_bkg.flatten(1)[:, : self.classes] + self.bias
