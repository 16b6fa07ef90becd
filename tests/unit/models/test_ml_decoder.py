"""ML-Decoder against its parts as torch has them, group by group; queries and their classes change places together."""

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from sfumato.errors import InputError
from sfumato.models.classifier import ModelSpec, build_classifier
from sfumato.models.feature_map import tokens
from sfumato.models.heads import build_head
from sfumato.models.ml_decoder import MlDecoder, MlDecoderHeadSpec

HALF = (0.5, 0.5, 0.5)


def spec(**given) -> MlDecoderHeadSpec:
    return MlDecoderHeadSpec(**{"kind": "ml_decoder", "width": 24, "attention_heads": 4, "hidden": 40, **given})


def made(classes: int, **given) -> MlDecoder:
    """With weights of a size that tells mistakes."""
    torch.manual_seed(3)
    head = build_head(spec(**given), 16, classes).eval()
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.normal_(std=0.3)
    return head


def places(batch: int = 5, count: int = 9) -> torch.Tensor:
    return torch.randn(batch, count, 16, generator=torch.Generator().manual_seed(1))


def by_torch(head: MlDecoder, seen: torch.Tensor) -> torch.Tensor:
    """The same of torch's decoder layer without its self-attention, and one linear layer a group."""
    layer = nn.TransformerDecoderLayer(24, 4, 40, dropout=0.0, batch_first=True).eval()
    layer.multihead_attn.load_state_dict(head.attend.state_dict())
    for theirs, ours in zip(("norm1", "norm2", "norm3"), (head.norm1, head.norm2, head.norm3), strict=True):
        getattr(layer, theirs).load_state_dict(ours.state_dict())
    layer.linear1.load_state_dict(head.widen.state_dict())
    layer.linear2.load_state_dict(head.narrow.state_dict())
    memory = torch.relu(head.embed(seen))
    target = head.queries[None].repeat(len(seen), 1, 1)
    target = layer.norm1(target + layer.dropout1(target))
    target = layer.norm2(target + layer._mha_block(target, memory, None, None))
    target = layer.norm3(target + layer._ff_block(target))
    groups = [target[:, k] @ head.group_weight[k] for k in range(target.shape[1])]
    return torch.cat(groups, dim=1)[:, : len(head.bias)] + head.bias


@pytest.mark.parametrize("classes", [1, 7, 12, 13])
@pytest.mark.parametrize("queries", ["fixed", "learnt"])
def test_it_is_torchs_decoder_layer_without_self_attention(classes, queries):
    head = made(classes, groups=4, queries=queries)
    found = head(places())
    assert found.shape == (5, classes)
    torch.testing.assert_close(found, by_torch(head, places()), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("classes", [6, 12])
def test_permuting_queries_permutes_the_logits(classes):
    head, order = made(classes, groups=6), torch.tensor([3, 0, 5, 1, 4, 2])
    before = head(places()) - head.bias
    with torch.no_grad():
        head.queries.copy_(head.queries[order].clone())
        head.group_weight.copy_(head.group_weight[order].clone())
    after = head(places()) - head.bias
    each = before.reshape(5, 6, -1)[:, order].flatten(1)
    torch.testing.assert_close(after, each, rtol=1e-5, atol=1e-5)


def test_the_order_of_places_means_nothing():
    head, seen = made(7), places()
    torch.testing.assert_close(head(seen), head(seen.flip(1)), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("classes", "groups", "queries", "share"), [(80, 100, 80, 1), (101, 100, 51, 2), (13, 4, 4, 4)]
)
@pytest.mark.parametrize("kind", ["fixed", "learnt"])
def test_the_counts_of_parameters(classes, groups, queries, share, kind):
    """D E + E to embed, 4 E (E + 1) to attend, 6 E to normalise, 2 E F + F + E to bend, K E G + C to answer."""
    head = build_head(spec(groups=groups, queries=kind), 16, classes)
    e, f = 24, 40
    wanted = 16 * e + e + 4 * e * (e + 1) + 6 * e + 2 * e * f + f + e + queries * e * share + classes
    assert sum(p.numel() for p in head.parameters()) == wanted + (queries * e if kind == "learnt" else 0)
    assert head.state_dict()["queries"].shape == (queries, e)


def test_it_starts_from_an_even_guess():
    head = build_head(spec(), 16, 30).eval()
    assert (head(places()).sigmoid() - 0.5).abs().max() < 0.1


def test_a_width_that_the_heads_do_not_divide():
    with pytest.raises(ValidationError, match="attention_heads 5 does not divide width 24"):
        spec(attention_heads=5)


@pytest.mark.parametrize("name", ["test_efficientnet", "test_vit", "test_convnext"])
def test_a_backbone_gives_every_place_with_the_weights_it_had(name):
    torch.manual_seed(0)
    model = build_classifier(ModelSpec(backbone=name, weights="none", head=spec()), 7, 160, HALF, HALF).eval()
    torch.manual_seed(0)
    pooled = build_classifier(ModelSpec(backbone=name, weights="none"), 7, 160, HALF, HALF).eval()
    assert model.backbone.state_dict().keys() == pooled.backbone.state_dict().keys()
    images = torch.randint(0, 256, (2, 3, 160, 160), dtype=torch.uint8)
    seen, logits = model(images)
    assert seen.shape == (2, *model.features_shape(160)) and seen.ndim == 3 and seen.shape[2] == model.width
    assert logits.shape == (2, 7)
    torch.testing.assert_close(model(seen)[1], logits)  # computed before, they are the same
    if name == "test_efficientnet":
        torch.testing.assert_close(seen.mean(dim=1), pooled.features(images), rtol=1e-4, atol=1e-5)


def test_maps_of_either_layout_are_the_same_places():
    seen = torch.randn(2, 8, 3, 5)
    assert torch.equal(tokens(seen, 8), tokens(seen.permute(0, 2, 3, 1), 8))
    assert torch.equal(tokens(seen, 8)[1, 7], seen[1, :, 1, 2])


def test_a_shape_is_told_without_a_trace():
    model = build_classifier(ModelSpec(backbone="test_efficientnet", weights="none", head=spec()), 7, 64, HALF, HALF)
    model.backbone.eval()
    modes = [module.training for module in model.modules()]
    assert len(model.features_shape(64)) == 2
    assert [module.training for module in model.modules()] == modes


@pytest.mark.parametrize("name", ["deit_tiny_distilled_patch16_224", "vit_base_patch16_siglip_224"])
def test_a_backbone_without_a_map_is_refused(name):
    with torch.device("meta"), pytest.raises(InputError) as caught:
        build_classifier(ModelSpec(backbone=name, weights="none", head=spec()), 7, 224, HALF, HALF)
    assert "gives one vector an image and no map" in str(caught.value) and "\n" not in str(caught.value)
