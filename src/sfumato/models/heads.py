"""Heads: from the backbone's features to one logit a class."""

from collections.abc import Sequence
from typing import Annotated, Literal, cast

import torch
from pydantic import Field, Tag
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from sfumato.models.adapted_head import AdaptedHead, AdaptedHeadSpec
from sfumato.models.ml_decoder import MlDecoder, MlDecoderHeadSpec
from sfumato.models.prototype_head import PrototypeHeadSpec
from sfumato.models.task_heads import TaskHeads
from sfumato.spec import Spec, kind_or
from sfumato.tasks import Outputs

Dropout = Annotated[float, Field(ge=0, lt=1)]


class LinearHeadSpec(Spec):
    """One linear layer."""

    kind: Literal["linear"] = "linear"
    dropout: Dropout = 0.0
    """Share of features switched off at random while training."""


class MlpHeadSpec(Spec):
    """A hidden layer, then a linear one; for frozen backbones."""

    kind: Literal["mlp"] = "mlp"
    hidden: Annotated[int, Field(ge=1, le=100_000)] = 512
    """Width of the hidden layer."""
    dropout: Dropout = 0.5
    """Share of hidden units switched off at random while training."""
    activation: Literal["relu", "gelu"] = "relu"
    """What bends the hidden units."""
    input_dropout: Dropout = 0.0
    """Share of features switched off at random while training, before the hidden layer."""


class CosineHeadSpec(Spec):
    """Cosine of the angle between features and a class vector, times a scale; no class is favoured by its norm."""

    kind: Literal["cosine"] = "cosine"
    scale: Annotated[float, Field(gt=0)] = 30.0
    """Logits lie between -scale and scale; with C classes the loss can't fall below log(1 + (C-1) e^(-sC/(C-1)))."""
    start: Literal["random", "class_means", "old_rows"] = "random"
    """Class vectors at first: `class_means` of the features over the training part; `old_rows` of the linear head it
    replaces, so that accuracy does not collapse."""


class NamesHeadSpec(Spec):
    """No layer: a class is scored by how likely a vision-language model is to write its name."""

    kind: Literal["names"] = "names"
    prior: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of a name's log-likelihood without picture and text that is subtracted: 0 none, 1 all of it, as pointwise
    mutual information does, so that frequent words are not preferred."""
    per_token: bool = False
    """The mean over the tokens of a name instead of their sum, so that long names are not put at a disadvantage."""


Head = (
    LinearHeadSpec
    | MlpHeadSpec
    | CosineHeadSpec
    | PrototypeHeadSpec
    | MlDecoderHeadSpec
    | NamesHeadSpec
    | AdaptedHeadSpec
)
"""All there are; those of prototypes and of names stand on dual encoders and on models that name classes alone, adapted
ones on what a ladder leaves, and nothing else does."""

HeadSpec = Annotated[
    Annotated[LinearHeadSpec, Tag("linear")]
    | Annotated[MlpHeadSpec, Tag("mlp")]
    | Annotated[CosineHeadSpec, Tag("cosine")],
    kind_or("linear"),
]
"""On one vector a sample."""

PictureHeadSpec = Annotated[
    Annotated[LinearHeadSpec, Tag("linear")]
    | Annotated[MlpHeadSpec, Tag("mlp")]
    | Annotated[CosineHeadSpec, Tag("cosine")]
    | Annotated[MlDecoderHeadSpec, Tag("ml_decoder")],
    kind_or("linear"),
]
"""On one vector a picture, or on one for each of its places."""


def reads_map(spec: Head) -> bool:
    """Whether a head looks at (B, T, D) features of every place, and not at (B, D) of the whole."""
    return isinstance(spec, MlDecoderHeadSpec)


class CosineClassifier(nn.Module):
    """logits = scale * cos(features, weight of the class): Gidaris & Komodakis, CVPR 2018, with a fixed scale."""

    def __init__(self, features: int, classes: int, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.weight = nn.Parameter(torch.empty(classes, features))
        nn.init.normal_(self.weight, std=0.01)

    def forward(self, features_bd: Tensor) -> Tensor:
        """(B, D) features -> (B, C) logits."""
        with torch.autocast(features_bd.device.type, enabled=False):  # in bf16 near angles would be the same one
            cosine_bc = F.linear(F.normalize(features_bd.float(), dim=1), F.normalize(self.weight.float(), dim=1))
        return self.scale * cosine_bc


def build_head(spec: Head, features: int, classes: Outputs) -> nn.Module:
    """A module from (B, features) to (B, classes); of several tasks one such head each, side by side.

    Where `reads_map` says so it is one from (B, T, features).
    """
    if not isinstance(classes, int):
        return TaskHeads({task: build_head(spec, features, count) for task, count in classes.items()})
    if isinstance(spec, MlDecoderHeadSpec):
        return MlDecoder(spec, features, classes)
    if isinstance(spec, CosineHeadSpec):
        return CosineClassifier(features, classes, spec.scale)
    if isinstance(spec, MlpHeadSpec):
        return _mlp(spec, features, classes)
    if isinstance(spec, NamesHeadSpec | AdaptedHeadSpec):
        return nn.Identity() if isinstance(spec, NamesHeadSpec) else AdaptedHead(features, classes, spec)
    if isinstance(spec, PrototypeHeadSpec):
        raise TypeError("a dual encoder builds its own")
    return nn.Sequential(nn.Dropout(spec.dropout), _linear(features, classes))


def _mlp(spec: MlpHeadSpec, features: int, classes: int) -> nn.Sequential:
    hidden = nn.Linear(features, spec.hidden)
    bend = nn.ReLU() if spec.activation == "relu" else nn.GELU()
    before = [nn.Dropout(spec.input_dropout)] if spec.input_dropout else []
    return nn.Sequential(*before, hidden, bend, nn.Dropout(spec.dropout), _linear(spec.hidden, classes))


def _linear(features: int, classes: int) -> nn.Linear:
    """Near-zero weights, so that training starts from an even guess instead of a random opinion."""
    layer = nn.Linear(features, classes)
    nn.init.normal_(layer.weight, std=0.01)
    nn.init.zeros_(layer.bias)
    return layer


@torch.no_grad()
def take_class_vectors(head: nn.Module, vectors: Tensor) -> None:
    """Let cosine heads begin from (C, D) vectors of any length; they look at their directions alone.

    A vector of zeros, as of a class without image, has none: its gradient would be without bound. The head keeps its
    own direction there.
    """
    weights = [cast(CosineClassifier, one).weight for one in _heads(head)]
    parts = cast(tuple[Tensor, ...], vectors.split([len(weight) for weight in weights]))
    for weight, rows in zip(weights, parts, strict=True):
        there = rows.any(dim=1, keepdim=True)
        weight.copy_(F.normalize(torch.where(there, rows.float(), weight), dim=1))


@torch.no_grad()
def take_nearest_mean(head: nn.Module, means: Tensor) -> None:
    """Let linear heads name the class whose mean, of (C, D), is nearest to the features.

    -|f - m|^2 / 2 = f m - |m|^2 / 2 - |f|^2 / 2, of which the last part is the same for all classes. A class without an
    image has a mean of zeros, near which features may well lie: it gets twice the greatest such offset instead.
    """
    layers = [cast(nn.Linear, cast(nn.Sequential, one)[-1]) for one in _heads(head)]
    parts = cast(tuple[Tensor, ...], means.float().split([layer.out_features for layer in layers]))
    for layer, rows in zip(layers, parts, strict=True):
        layer.weight.copy_(rows)
        offsets = rows.square().sum(dim=1) / 2
        layer.bias.copy_(-torch.where(offsets > 0, offsets, 2 * offsets.max()))


@torch.no_grad()
def soften(head: nn.Module, temperatures: Sequence[float]) -> None:
    """Divide the logits of linear heads, one a task, by a number each."""
    for one, temperature in zip(_heads(head), temperatures, strict=True):
        for parameter in one.parameters():
            parameter.div_(temperature)


def linear_rows(head: nn.Module) -> Tensor:
    """(C, D) weights of the last layer of a linear head; of several tasks one below the other."""
    return torch.cat([cast(nn.Linear, cast(nn.Sequential, one)[-1]).weight.detach() for one in _heads(head)])


def _heads(head: nn.Module) -> list[nn.Module]:
    return list(head.children()) if isinstance(head, TaskHeads) else [head]
