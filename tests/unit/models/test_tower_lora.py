"""LoRA on the towers of a dual encoder: nothing at first, alone in learning, of its rank, and merged without a change."""

import copy

import pytest
import timm
import torch
from tests.tiny_clip import tiny_clip
from torch import nn

from sfumato.errors import InputError
from sfumato.models.clip import ClipTowersSpec, build_towers
from sfumato.models.tower_lora import TowerLoraSpec, add_lora, merge_lora, without_lora

IMAGES = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def image(tmp_path) -> nn.Module:
    torch.manual_seed(0)
    return build_towers(ClipTowersSpec(name=tiny_clip(tmp_path), weights="none"), 32, None)[0].eval()


def learnt(tower: nn.Module) -> nn.Module:
    """Some steps of the matrices alone."""
    for name, parameter in tower.named_parameters():
        parameter.requires_grad_(".lora_" in name)
    optimizer = torch.optim.SGD([one for one in tower.parameters() if one.requires_grad], lr=0.5)
    for _ in range(5):
        optimizer.zero_grad()
        tower(IMAGES).square().mean().neg().backward()
        optimizer.step()
    return tower


def test_at_first_it_changes_nothing_and_alone_it_learns_and_merges(image):
    plain, before = image(IMAGES), copy.deepcopy(image.state_dict())
    add_lora({"image": image}, TowerLoraSpec(r=2))
    assert torch.equal(image(IMAGES), plain)
    unmerged = learnt(image)(IMAGES)
    assert (unmerged - plain).abs().max() > 1e-2
    kept = {name.replace("parametrizations.", "").replace(".original", ""): one for name, one in tensors(image)}
    assert all(torch.equal(kept[name], one) for name, one in before.items())  # to the bit: only A and B moved
    merge_lora(image)
    torch.testing.assert_close(image(IMAGES), unmerged, atol=1e-5, rtol=1e-5)
    assert list(image.state_dict()) and set(image.state_dict()) == set(before)


def tensors(tower: nn.Module) -> list[tuple[str, torch.Tensor]]:
    return [(name, one) for name, one in tower.state_dict().items() if ".lora_" not in name]


def test_each_of_queries_keys_and_values_changes_by_its_rank_at_most_and_nothing_else_does(image):
    before = copy.deepcopy(image.state_dict())
    add_lora({"image": image}, TowerLoraSpec(r=2, layers=("attention",)))
    merge_lora(learnt(image))
    changed = {
        name: one - before[name] for name, one in image.state_dict().items() if not torch.equal(one, before[name])
    }
    ends = {name.split("attn.")[1] for name in changed}
    assert ends == {"in_proj_weight", "out_proj.weight"} and len(changed) == 4
    for name, change in changed.items():
        for part in change.chunk(3 if "in_proj" in name else 1):
            assert 1 <= torch.linalg.matrix_rank(part, rtol=1e-4) <= 2, name


def test_a_timm_vit_has_it_too_and_a_convolutional_network_is_refused():
    vit = timm.create_model("vit_tiny_patch16_224", num_classes=0, depth=1, embed_dim=24, num_heads=2, img_size=32)
    add_lora({"image": vit}, TowerLoraSpec(r=2))
    found = {name: one for name, one in vit.named_parameters() if name.endswith("lora_A")}
    assert {
        name.split(".parametrizations")[0].removeprefix("blocks.0."): one.shape[0] for name, one in found.items()
    } == {
        "attn.qkv": 3,
        "attn.proj": 1,
        "mlp.fc1": 1,
        "mlp.fc2": 1,
    }
    with pytest.raises(InputError, match="no linear layers of attention"):
        add_lora({"image": timm.create_model("test_resnet", num_classes=0)}, TowerLoraSpec())


def test_without_it_the_weights_are_named_as_ever_and_it_comes_back_as_it_was(image):
    names = set(image.state_dict())
    add_lora({"image": image}, TowerLoraSpec(r=2))
    said = learnt(image)(IMAGES)
    with without_lora(image):
        assert set(image.state_dict()) == names
    assert torch.equal(image(IMAGES), said)


def test_between_two_networks_the_weights_lie_where_they_should(image):
    """WiSE-FT (Wortsman et al., CVPR 2022, eq. 1) of the weights themselves, not of the factors."""
    from sfumato.training.interpolation import interpolated

    zero = image(IMAGES)
    add_lora({"image": image}, TowerLoraSpec(r=2))
    start = {name: one.clone() for name, one in image.state_dict().items()}
    learnt(image)
    with torch.no_grad():
        next(one for name, one in image.named_parameters() if name.endswith("lora_A")).mul_(2)  # A learns as well
    best = {name: one.clone() for name, one in image.state_dict().items()}
    tuned = image(IMAGES)

    def weight_at(alpha: float) -> torch.Tensor:
        image.load_state_dict(interpolated(start, best, alpha))
        return image.visual.transformer.resblocks[0].attn.in_proj_weight.detach().clone()

    low, middle, high = (weight_at(alpha) for alpha in (0.0, 0.25, 1.0))
    torch.testing.assert_close(middle, 0.75 * low + 0.25 * high, atol=1e-6, rtol=1e-5)
    assert torch.equal(image(IMAGES), tuned)
    weight_at(0.0)
    assert torch.equal(image(IMAGES), zero)
