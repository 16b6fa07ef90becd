"""CNN-RNN: a backbone, a head that asks after every class at once, and a decoder that names them one after another.

Wang et al., CVPR 2016. Shapes: B batch, C classes, D features.
"""

from typing import Annotated, Any, Literal, cast

import torch
from pydantic import ConfigDict, Field
from torch import Tensor, nn

from sfumato.models.backbone import Triple, build_backbone
from sfumato.models.classifier import Classifier, width_of
from sfumato.models.cnn_rnn.beam_search import marginals, search
from sfumato.models.cnn_rnn.branches import Branches
from sfumato.models.cnn_rnn.decoder import Decoder
from sfumato.models.cnn_rnn.decoder_spec import DecoderSpec
from sfumato.models.heads import HeadSpec, LinearHeadSpec
from sfumato.models.weights import WeightsSpec
from sfumato.shown import PictureUse, Shown
from sfumato.spec import Spec


class CnnRnnSpec(Spec):
    """Backbone, head and decoder; where a picture may be of several classes."""

    # a model that does not say its kind is of another, which editors are told too
    model_config = ConfigDict(json_schema_extra={"required": ["kind", "backbone"]})

    kind: Literal["cnn_rnn"] = "cnn_rnn"
    backbone: Annotated[str, Field(min_length=1)]
    """Any timm architecture, such as resnet50, convnext_tiny or vit_small_patch16_224, or one of docs/starnet.md."""
    weights: WeightsSpec = "timm"
    """Where the backbone starts from."""
    drop_path: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of residual branches skipped at random while training, growing with depth."""
    head: HeadSpec = LinearHeadSpec()
    """What asks after every class at once."""
    decoder: DecoderSpec = DecoderSpec()
    """What names the classes one after another."""

    @property
    def pictures(self) -> PictureUse:
        """Which of several pictures of a sample it is shown."""
        return "first"

    @property
    def title(self) -> str:
        """What it is called in reports."""
        return f"{self.backbone} + {self.decoder.cell}"


class CnnRnn(Classifier):
    """Images to a score of each class. Parameter names begin with `backbone.`, `head.` or `decoder.`.

    In training its logits are the head's alone, for the decoder is taught by its own loss; else they are the log-odds
    of both branches together.
    """

    decoder: Decoder
    branches: Branches

    def __init__(
        self, backbone: nn.Module, spec: CnnRnnSpec, width: int, classes: int, mean: Triple, std: Triple
    ) -> None:
        super().__init__(backbone, spec.head, width, classes, mean, std)
        self.spec = spec.decoder
        self.decoder = Decoder(spec.decoder, width, classes)
        start = spec.decoder.head_share
        self.branches = Branches(classes, 0.5 if start == "fitted" else start)

    def forward(self, shown: Tensor | Shown) -> tuple[Tensor, Tensor]:
        """What is shown -> (B, D) features and (B, C) float32 logits, as the class says."""
        features_bd, logits_bc = super().forward(shown)
        if self.training:
            return features_bd, logits_bc
        return features_bd, self.branches(logits_bc, self.named(features_bd))

    def both(self, shown: Tensor | Shown) -> tuple[Tensor, Tensor]:
        """What is shown -> (B, C) logits of the head and (B, C) marginals of the decoder; in evaluation mode."""
        features_bd, logits_bc = super().forward(shown)
        return logits_bc, self.named(features_bd)

    def named(self, features_bd: Tensor) -> Tensor:
        """(B, C) share of the likeliest sequences, by their probability, that names each class."""
        return marginals(search(self.decoder, features_bd.float(), self.spec.beam), self.classes)


def build_cnn_rnn(spec: CnnRnnSpec, classes: int, image_size: int, mean: Triple, std: Triple) -> CnnRnn:
    """A network with random weights, laid out channels last; arguments as for `build_classifier`."""
    backbone = build_backbone(spec.backbone, spec.drop_path, image_size)
    model = CnnRnn(backbone, spec, width_of(backbone, image_size), classes, mean, std)
    return model.to(memory_format=cast(Any, torch.channels_last))
