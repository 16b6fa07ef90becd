"""The network that answers as a rung does: the image encoder, its projection, and the rung as a head."""

from typing import cast

from sfumato.ladders.rungs.shots import Fitted
from sfumato.models.adapted import AdaptedSpec, tower_weights
from sfumato.models.adapted_head import AdaptedHeadSpec
from sfumato.models.adapted_network import build_adapted
from sfumato.models.backbone import Triple
from sfumato.models.classifier import Classifier
from sfumato.models.clip import ClipText
from sfumato.models.dual_encoder import DualEncoder
from sfumato.models.dual_encoder_spec import DualEncoderSpec


def adapted_spec(spec: DualEncoderSpec, model: DualEncoder, fitted: Fitted) -> AdaptedSpec:
    """What it is built from, of the dual encoder that the rung stands on."""
    if spec.clip is None:
        return AdaptedSpec(backbone=spec.pair[0].backbone, head=_head(fitted))
    config = cast(ClipText, model.text).config
    return AdaptedSpec(backbone=spec.clip.name, clip=dict(config), head=_head(fitted))


def _head(fitted: Fitted) -> AdaptedHeadSpec:
    cache, width = fitted.cache, fitted.weight_ce.shape[1]
    if cache is None:
        return AdaptedHeadSpec(embed_dim=width)
    keys = len(cache.values_mc)
    return AdaptedHeadSpec(embed_dim=width, keys=keys, share=cache.share, sharpness=cache.sharpness)


def adapted_network(
    spec: AdaptedSpec, of: DualEncoder, fitted: Fitted, size: int, mean: Triple, std: Triple
) -> Classifier:
    """The network with its weights, on the CPU, in evaluation mode; `size`, `mean` and `std` as `build_classifier`."""
    model = build_adapted(spec, len(fitted.bias_c), size, mean, std)
    weights = {name: tensor.cpu() for name, tensor in of.state_dict().items()}
    keys, values = model.head.get_buffer("keys"), model.head.get_buffer("values")
    if fitted.cache is not None:
        keys, values = fitted.cache.keys.keys_me.float(), fitted.cache.values_mc.float()
    answer = {"head.answer.weight": fitted.weight_ce.float(), "head.answer.bias": fitted.bias_c.float()}
    model.load_state_dict({**tower_weights(weights), **answer, "head.keys": keys, "head.values": values})
    return model.eval()
