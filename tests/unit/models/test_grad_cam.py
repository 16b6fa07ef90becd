"""Maps of what speaks for a class: the closed form of a pooled map, and pictures whose class is a coloured corner."""

import pytest
import torch
from torch import nn

from sfumato.models.classifier import Classifier, ModelSpec, build_classifier
from sfumato.models.grad_cam import class_maps, has_maps
from sfumato.models.heads import LinearHeadSpec, MlDecoderHeadSpec

HALF = (0.5, 0.5, 0.5)


class Pooled(nn.Module):
    """A convolution, and the mean of its map."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 4, stride=4)

    def forward_features(self, images):
        return self.conv(images).relu()

    def forward(self, images):
        return self.forward_features(images).mean(dim=(2, 3))


@pytest.fixture
def pictures():
    return torch.randint(0, 256, (4, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("several", [False, True])
def test_of_a_pooled_map_it_is_the_class_activation_map(pictures, several):
    """Of a mean and a linear layer Grad-CAM is CAM (Zhou et al., CVPR 2016): the map weighed by the class's row."""
    torch.manual_seed(0)
    model = Classifier(Pooled(), LinearHeadSpec(), 8, {"a": 2, "b": 3}, HALF, HALF).eval()
    for one in model.head.children():
        nn.init.normal_(one[-1].weight)
    wanted = [0, 1, 0, 1]
    found = class_maps(model, pictures, wanted, slice(0, 2), several=several)
    rows = next(iter(model.head.children()))[-1].weight.detach()
    weights = rows[wanted] if several else rows[wanted] - rows[[1 - one for one in wanted]]
    seen = model.backbone.forward_features(model.normalised(pictures)).detach()
    expected = torch.einsum("bd,bdhw->bhw", weights, seen).relu()
    expected /= expected.amax(dim=(1, 2), keepdim=True).clamp_min(1e-30)
    assert torch.allclose(found, expected, atol=1e-5)
    assert found.shape == (4, 4, 4) and found.amax() == 1


def test_nothing_of_the_network_changes(pictures):
    model = Classifier(Pooled(), LinearHeadSpec(), 8, 3, HALF, HALF).eval()
    before, names = model.logits(pictures), set(model.backbone.__dict__)
    first = class_maps(model, pictures, [0, 1, 2, 0], slice(0, 3), several=False)
    again = class_maps(model, pictures, [0, 1, 2, 0], slice(0, 3), several=False)
    assert torch.equal(first, again) and torch.equal(model.logits(pictures), before)
    assert set(model.backbone.__dict__) == names and all(one.grad is None for one in model.parameters())


def test_a_network_without_a_map_has_none():
    flat = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 8))
    assert not has_maps(Classifier(flat, LinearHeadSpec(), 8, 3, HALF, HALF))


def corners(count: int, side: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Noise with a square of one of two colours, its class, in any corner; and which corner that is."""
    draw = torch.Generator().manual_seed(seed)
    images = torch.randint(90, 166, (count, 3, side, side), generator=draw)
    truth, corner = torch.randint(0, 2, (count,), generator=draw), torch.randint(0, 4, (count,), generator=draw)
    half = side // 4
    for image, colour, place in zip(images, truth.tolist(), corner.tolist(), strict=True):
        top, left = (place // 2) * (side - half), (place % 2) * (side - half)
        image[:, top : top + half, left : left + half] = torch.tensor([230, 30, 30] if colour else [30, 30, 230])[
            :, None, None
        ]
    return images.byte(), truth, corner


@pytest.mark.parametrize(
    ("name", "head", "side", "several"),
    [
        ("test_resnet", None, 96, False),
        ("test_vit", None, 64, False),
        pytest.param("test_resnet", MlDecoderHeadSpec(kind="ml_decoder", width=32), 96, True, marks=pytest.mark.slow),
    ],
)
def test_it_points_at_the_coloured_corner(name, head, side, several):
    torch.manual_seed(0)
    spec = ModelSpec(backbone=name, weights="none", **({"head": head} if head else {}))
    model = build_classifier(spec, 2, side, HALF, HALF)
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3)
    for step in range(80 if several else 40):
        images, truth, _ = corners(16, side, step)
        logits = model.train().logits(images)
        each = nn.functional.binary_cross_entropy_with_logits(logits, torch.eye(2)[truth])
        loss = each if several else nn.functional.cross_entropy(logits, truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    images, truth, corner = corners(32, side, 1000)
    model.eval()
    assert (model.logits(images).argmax(dim=1) == truth).float().mean() > 0.9
    found = class_maps(model, images, truth.tolist(), slice(0, 2), several=several)
    whole = nn.functional.interpolate(found[:, None], (side, side), mode="bilinear")[:, 0]
    quarters = whole.unflatten(1, (2, side // 2)).unflatten(3, (2, side // 2)).sum(dim=(2, 4)).flatten(1)
    share = (quarters / quarters.sum(dim=1, keepdim=True).clamp_min(1e-9)).gather(1, corner[:, None])
    assert share.mean() > 0.6, share.mean()  # a quarter by chance
