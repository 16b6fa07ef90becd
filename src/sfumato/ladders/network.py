"""The network that answers as a rung does: the image encoder, its projection, and the rung as a head."""

from sfumato.ladders.rungs.shots import Fitted
from sfumato.ladders.space import Space
from sfumato.models.adapted import AdaptedSpec, tower_weights
from sfumato.models.adapted_head import AdaptedHeadSpec
from sfumato.models.backbone import Triple
from sfumato.models.classifier import Classifier, build_classifier


def adapted_spec(backbone: str, fitted: Fitted) -> AdaptedSpec:
    """What it is built from; `backbone` as in `ModelSpec`."""
    cache, width = fitted.cache, fitted.weight_ce.shape[1]
    if cache is None:
        return AdaptedSpec(backbone=backbone, head=AdaptedHeadSpec(embed_dim=width))
    keys = len(cache.values_mc)
    head = AdaptedHeadSpec(embed_dim=width, keys=keys, share=cache.share, sharpness=cache.sharpness)
    return AdaptedSpec(backbone=backbone, head=head)


def adapted_network(
    spec: AdaptedSpec, space: Space, fitted: Fitted, size: int, mean: Triple, std: Triple
) -> Classifier:
    """The network with its weights, on the CPU, in evaluation mode; `size`, `mean` and `std` as `build_classifier`."""
    model = build_classifier(spec, len(fitted.bias_c), size, mean, std)
    weights = {name: tensor.cpu() for name, tensor in space.model.state_dict().items()}
    keys, values = model.head.get_buffer("keys"), model.head.get_buffer("values")
    if fitted.cache is not None:
        keys, values = fitted.cache.keys.keys_me.float(), fitted.cache.values_mc.float()
    answer = {"head.answer.weight": fitted.weight_ce.float(), "head.answer.bias": fitted.bias_c.float()}
    model.load_state_dict({**tower_weights(weights), **answer, "head.keys": keys, "head.values": values})
    return model.eval()
