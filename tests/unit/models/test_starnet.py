"""The encoders around StarNet: against their published counts, timm's own StarNet, and plain formulas."""

import copy
import math

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

from sfumato.errors import InputError
from sfumato.models.backbone import build_backbone, check_name, expects
from sfumato.models.classifier import ModelSpec, build_classifier
from sfumato.models.ml_decoder import MlDecoderHeadSpec
from sfumato.models.starnet.attention import SelfAttention
from sfumato.models.starnet.encoders import ENCODERS
from sfumato.models.starnet.positions import Positions
from sfumato.models.starnet.side_outputs import SideOutputs
from sfumato.models.starnet.star_block import StarBlock
from sfumato.models.weights import WeightsFrom, load_weights

SCRATCH, PRETRAINED, FPN = ENCODERS
FAR_BELOW = -200.0


def count(*modules) -> int:
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


def built(name: str) -> nn.Module:
    torch.manual_seed(0)
    return build_backbone(name).eval()


def shaken(model: nn.Module) -> nn.Module:
    """The same with other scales, shares and statistics than at first, so that no part is without effect."""
    torch.manual_seed(3)
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point() and (tensor.ndim == 1 or "weight" in name):
            tensor.add_(0.3 * torch.rand_like(tensor) * (tensor.ndim == 1) + 0.05 * torch.randn_like(tensor))
    for name, tensor in model.state_dict().items():
        if name.endswith("running_var"):
            tensor.abs_()
    return model


@pytest.fixture
def images():
    torch.manual_seed(1)
    return torch.randn(2, 3, 64, 64)


@pytest.fixture
def starnet_s1():
    torch.manual_seed(2)
    return shaken(timm.create_model("starnet_s1")).eval()


def test_the_dual_pyramid_has_as_many_parameters_as_its_origin():
    model = built(SCRATCH)
    local = model.local_pyramid
    assert count(local.stem, local.stages) == 2_657_064
    assert count(local.norm) == 384
    assert count(model.global_pyramid) == 866_208
    assert count(model.adapters) == 99_364
    assert model.shares.numel() + model.cascade.numel() == 8
    assert count(model) == 3_623_028
    assert count(model, nn.Linear(192, 1000)) == 3_816_028


def test_beside_pretrained_weights_only_the_local_half_differs():
    model = built(PRETRAINED)
    assert count(model.local_pyramid, nn.Linear(192, 1000)) == 2_869_168  # StarNet-S1
    assert count(model) - count(model.local_pyramid) == 866_208 + 99_364 + 8


@pytest.mark.parametrize("name", ENCODERS)
def test_shapes_of_features_and_stages(name):
    model = built(name)
    maps = model.maps(torch.zeros(1, 3, 224, 224))
    widths = (96,) * 4 if name == FPN else (24, 48, 96, 192)
    assert [tuple(one.shape[1:]) for one in maps] == [(w, s, s) for w, s in zip(widths, (56, 28, 14, 7), strict=True)]
    for height, width in ((224, 224), (61, 97), (16, 16)):
        assert model(torch.zeros(2, 3, height, width)).shape == (2, 192)
    assert (expects(name).image_size, expects(name).mean) == (224, (0.485, 0.456, 0.406))


def test_without_cascade_and_share_it_is_the_local_pyramid_alone(images):
    model = shaken(built(SCRATCH))
    with torch.no_grad():
        model.cascade.zero_()
        model.shares.fill_(FAR_BELOW)
        local = model.local_pyramid
        alone = local.norm(local.stages(local.stem(images))).mean(dim=(2, 3))
        assert torch.equal(model(images), alone)
        model.shares.fill_(0.3)
        assert not torch.allclose(model(images), alone, atol=1e-3)


@pytest.mark.parametrize("name", [SCRATCH, PRETRAINED])
@torch.no_grad()
def test_the_maps_are_those_of_the_formulas(name, images):
    model = shaken(built(name))
    near, far = model.local_pyramid.stem(images), model.global_pyramid.stem(images)
    expected = []
    for i in range(4):
        near, far = model.local_pyramid.stages[i](near), model.global_pyramid.stages[i](far)
        adapter, share = model.adapters[i], 1 / (1 + math.exp(-float(model.shares[i])))
        inner = F.group_norm(F.conv2d(far, adapter.first[0].weight), 1, adapter.first[1].weight, adapter.first[1].bias)
        outer = F.conv2d(inner + far, adapter.second[0].weight)
        adapted = adapter.scale * F.group_norm(outer, 1, adapter.second[1].weight, adapter.second[1].bias)
        fused = (near if name == PRETRAINED else (1 - share) * near) + share * adapted
        expected.append(fused)
        near = near + model.cascade[i] * fused
    found = model.maps(images)
    assert all(torch.allclose(a, b, rtol=1e-4, atol=1e-4) for a, b in zip(found, expected, strict=True))
    assert torch.allclose(model(images), model.local_pyramid.norm(expected[-1]).mean(dim=(2, 3)), rtol=1e-4, atol=1e-4)


def test_what_is_learnt_begins_as_its_origin_has_it():
    model = built(SCRATCH)
    assert torch.sigmoid(model.shares).tolist() == pytest.approx([0.574, 0.574, 0.599, 0.611], abs=1e-3)
    assert not model.cascade.any()
    assert [adapter.scale.item() for adapter in model.adapters] == pytest.approx([0.01] * 4)


def test_a_star_block_is_timms_but_for_biases_and_the_limit_of_its_relu():
    theirs = timm.models.starnet.Block(8, 4, 0.0, nn.ReLU)
    ours = StarBlock(8, 4, 0.0)
    names = {"dwconv": "gather", "f1": "left", "f2": "right", "g": "narrow", "dwconv2": "spread"}
    state = {name: value for name, value in theirs.state_dict().items() if not name.endswith("conv.bias")}
    renamed = zip(ours.state_dict(), state.values(), strict=True)
    assert [names[name.split(".")[0]] for name in state] == [name.split(".")[0] for name in ours.state_dict()]
    ours.load_state_dict(dict(renamed))
    for name, parameter in theirs.named_parameters():
        if name.endswith("conv.bias"):
            nn.init.zeros_(parameter)
    x = torch.randn(2, 8, 10, 10)
    assert torch.allclose(ours(x), theirs(x), atol=1e-6)


# attention


def naive(attention: SelfAttention, tokens):
    """Softmax of all products, written down."""
    q, k, v = (
        part.unflatten(2, (attention.heads, -1)).transpose(1, 2)
        for part in attention.query_key_value(tokens).chunk(3, 2)
    )
    weights = (q @ k.transpose(2, 3) / math.sqrt(attention.head_width)).softmax(3)
    return attention.out((weights @ v).transpose(1, 2).flatten(2))


@pytest.mark.parametrize("width", [24, 48, 96])
def test_attention_equals_the_plain_formula_and_its_gradient(width):
    torch.manual_seed(0)
    attention, tokens = SelfAttention(width, 4).double(), torch.randn(2, 30, width, dtype=torch.double)
    grads = []
    for way in (attention, lambda x: naive(attention, x)):
        x = tokens.clone().requires_grad_()
        out = way(x)
        out.square().sum().backward()
        grads.append((out.detach(), x.grad, attention.query_key_value.weight.grad.clone()))
        attention.zero_grad()
    assert all(torch.allclose(a, b, atol=1e-10) for a, b in zip(*grads, strict=True))


def test_no_matrix_of_weights_is_kept_for_the_backward_pass():
    attention, tokens = SelfAttention(24, 4), torch.randn(1, 784, 24, requires_grad=True)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()) or t, lambda t: t):
        attention(tokens).sum().backward()
        assert max(kept) <= 784 * 3 * 32
        naive(attention, tokens).sum().backward()
        assert max(kept) >= 4 * 784 * 784


def test_heads_are_of_a_width_that_gpus_have_a_kernel_for(monkeypatch):
    widths, plain = set(), F.scaled_dot_product_attention

    def seen(query, key, value, **options):
        widths.update(one.shape[-1] for one in (query, key, value))
        return plain(query, key, value, **options)

    monkeypatch.setattr(F, "scaled_dot_product_attention", seen)
    built(SCRATCH)(torch.zeros(1, 3, 32, 32))
    assert widths == {8, 16, 24, 48}


def test_positions_are_computed_once_and_tell_places_apart():
    positions = Positions(24)
    with torch.inference_mode():
        first = positions(5, 7, torch.device("cpu"))
    assert positions(5, 7, torch.device("cpu")) is first
    assert not first.is_inference()
    bands = 10000 ** (-torch.arange(6) / 6)
    row, column = 3 * bands, 4 * bands
    assert torch.allclose(first[3 * 7 + 4], torch.cat([row.sin(), column.sin(), row.cos(), column.cos()]), atol=1e-6)
    assert first.shape == (35, 24)


def test_it_learns_after_it_was_asked_in_inference_mode(images):
    model = built(SCRATCH)
    with torch.inference_mode():
        model(images)
    model.train()(images).sum().backward()


# fpn and pan


def test_side_outputs_are_the_sums_of_their_projections():
    torch.manual_seed(0)
    sides = SideOutputs((4, 6), (2, 3), 5).eval()
    sides.shares.data = torch.tensor([0.2, -1.0])
    maps = [[torch.randn(2, 4, 8, 8) for _ in range(2)], [torch.randn(2, 6, 4, 4) for _ in range(3)]]
    share = math.exp(0.2) / (math.exp(0.2) + math.exp(-1.0))
    pooled = []
    for stage, blocks in zip(sides.stages, maps, strict=True):
        summed = sum(
            torch.einsum("dc,bchw->bdhw", side.weight[:, :, 0, 0], one)
            for side, one in zip(stage.sides, blocks, strict=True)
        )
        pooled.append((summed / math.sqrt(1 + 1e-5)).clamp(min=0).mean((2, 3)))
    assert torch.allclose(sides(maps), share * pooled[0] + (1 - share) * pooled[1], atol=1e-6)


@torch.no_grad()
def test_every_map_has_what_is_above_and_below_it(images):
    model = shaken(built(FPN))
    before = model.maps(images)
    for stage in (0, 3):
        changed = copy.deepcopy(model)
        changed.laterals[stage][1].bias += 1.0
        assert all(not torch.allclose(a, b) for a, b in zip(before, changed.maps(images), strict=True))


# what the house asks of a backbone


@pytest.mark.parametrize("name", ENCODERS)
def test_everything_learns(name, images):
    model = shaken(built(name)).train()
    model(torch.cat([images, images.flip(0)])).square().sum().backward()
    without = [key for key, parameter in model.named_parameters() if parameter.grad is None or not parameter.grad.any()]
    assert [key for key in without if "conv.bias" not in key and not key.endswith("narrow.0.bias")] == []


@pytest.mark.parametrize("name", ENCODERS)
def test_activations_computed_anew_give_the_same_gradients(name, images):
    plain = shaken(built(name)).train()
    saving = copy.deepcopy(plain)
    saving.set_grad_checkpointing()
    for model in (plain, saving):
        model(images).logsumexp(dim=1).sum().backward()
    pairs = zip(plain.parameters(), saving.parameters(), strict=True)
    assert all(torch.allclose(a.grad, b.grad, rtol=1e-4, atol=1e-6) for a, b in pairs)


def test_branches_are_dropped_more_and_more():
    model = build_backbone(SCRATCH, drop_path=0.1)
    rates = [getattr(module.drop_path, "drop_prob", 0.0) for module in model.modules() if isinstance(module, StarBlock)]
    assert rates == pytest.approx([0.1 * i / 14 for i in range(15)])
    for name in (PRETRAINED, FPN):
        assert any(
            getattr(module, "drop_prob", None) == pytest.approx(0.1) for module in build_backbone(name, 0.1).modules()
        )


@torch.no_grad()
def test_an_ml_decoder_looks_at_the_last_map_of_the_dual_pyramid(images):
    spec = ModelSpec(
        backbone=SCRATCH,
        weights="none",
        head=MlDecoderHeadSpec(kind="ml_decoder", width=16, attention_heads=2, hidden=32),
    )
    model = build_classifier(spec, 5, 64, (0.5,) * 3, (0.5,) * 3).eval()
    assert model.features_shape(64) == (4, 192)
    assert model.logits(images).shape == (2, 5)
    with pytest.raises(InputError, match=f"model.head: {FPN} gives one vector an image and no map"):
        build_classifier(spec.model_copy(update={"backbone": FPN}), 5, 64, (0.5,) * 3, (0.5,) * 3)


# weights


@torch.no_grad()
def test_it_begins_as_pretrained_starnet_bit_by_bit(tmp_path, starnet_s1, images):
    save_file(starnet_s1.state_dict(), tmp_path / "starnet_s1.safetensors")
    model = built(PRETRAINED)
    origin = load_weights(model, PRETRAINED, WeightsFrom(file=str(tmp_path / "starnet_s1.safetensors")))
    assert origin == "starnet_s1.safetensors (starnet_s1, matched by name)"
    starnet_s1.reset_classifier(0)
    for side in (64, 224):
        pictures = torch.randn(2, 3, side, side)
        assert torch.equal(model(pictures), starnet_s1(pictures))
    assert torch.equal(model.train()(images), starnet_s1.train()(images))


def test_a_step_leaves_the_beginning(images):
    model = built(PRETRAINED).train()
    model(images).square().sum().backward()
    assert all(adapter.scale.grad.any() for adapter in model.adapters[-1:])
    assert float(model.cascade.grad.abs().sum()) > 0


def test_a_hub_is_asked_for_starnet(monkeypatch, images):
    create = timm.create_model

    def from_hub(name, pretrained=False, **options):
        torch.manual_seed(7)
        assert (name, pretrained) == ("starnet_s1", True)
        return create(name, **options)

    models = {name: built(name) for name in (PRETRAINED, FPN)}
    monkeypatch.setattr(timm, "create_model", from_hub)
    wanted = from_hub("starnet_s1", pretrained=True, num_classes=0).state_dict()
    for name, model in models.items():
        assert load_weights(model, name, "timm") == "timm starnet_s1"
        part = model.get_submodule(ENCODERS[name].part)
        assert all(torch.equal(value, wanted[key]) for key, value in part.state_dict().items())


def test_a_hub_out_of_reach_is_one_line(monkeypatch):
    def refuse(*args, **kwargs):
        raise ConnectionError("no route to host")

    model = built(PRETRAINED)
    monkeypatch.setattr(timm, "create_model", refuse)
    with pytest.raises(InputError) as caught:
        load_weights(model, PRETRAINED, WeightsFrom(tag="in1k"))
    text = str(caught.value)
    assert text.startswith("model.weights: starnet_s1.in1k could not be fetched (no route to host); either allow")
    assert "\n" not in text


@pytest.mark.parametrize("name", ENCODERS)
def test_all_of_an_encoder_from_a_file(tmp_path, name):
    torch.manual_seed(5)
    donor, model = build_backbone(name), built(name)
    torch.save({"state_dict": donor.state_dict()}, tmp_path / "all.pth")
    assert load_weights(model, name, WeightsFrom(file=str(tmp_path / "all.pth"))) == "all.pth (matched by name)"
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), donor.state_dict().values(), strict=True))


def test_files_that_do_not_fit_say_why(tmp_path, starnet_s1):
    save_file(starnet_s1.state_dict(), tmp_path / "s1.safetensors")
    save_file(timm.create_model("starnet_s2").state_dict(), tmp_path / "s2.safetensors")
    save_file({"a": torch.zeros(3)}, tmp_path / "other.safetensors")
    cases = [
        (SCRATCH, "s1", "its 306 tensors match starnet_dual_pyramid_rcf neither by name nor by order"),
        (PRETRAINED, "s2", "lacks 72 tensors of starnet_s1"),
        (FPN, "other", "its 1 tensors match starnet_s1 neither by name nor by order"),
    ]
    for name, file, message in cases:
        with pytest.raises(InputError, match=message):
            load_weights(built(name), name, WeightsFrom(file=str(tmp_path / f"{file}.safetensors")))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("starnet_dual_pyramid_rfc", "did you mean 'starnet_dual_pyramid_rcf'"),
        ("starnet_dual_pyramid_rcf_pt.in1k", "write backbone: starnet_dual_pyramid_rcf_pt and weights: {tag: in1k}"),
    ],
)
def test_names_that_are_none(name, message):
    with pytest.raises(InputError, match=message):
        check_name(name)


def test_what_was_never_pretrained_says_so():
    with pytest.raises(
        InputError, match="no pretrained weights for 'starnet_dual_pyramid_rcf'; write model.weights: none"
    ):
        load_weights(built(SCRATCH), SCRATCH, "timm")
