"""The dual encoder: prototypes, the temperature, and how often texts are read."""

import copy
import math

import pytest
import torch
from torch.nn import functional as F

from sfumato.models.backbone import expects
from sfumato.models.dual_encoder import DualEncoder
from sfumato.models.image_encoders import TIMM_NAMES, timm_name
from sfumato.models.ngrams import Ngrams, NgramsSpec
from sfumato.models.prototype_head import MOST_SCALE, PrototypeHeadSpec
from sfumato.training.parameters import apply_learning

HALF = (0.5, 0.5, 0.5)
TEXTS = {"pneumonia": ("肺炎", "a lung with shadows"), "normal": ("正常",), "other": ("别的", "another", "neither")}


class Counting(Ngrams):
    """Knows how many texts it was shown."""

    read = 0

    def forward(self, ids, there):
        self.read += len(ids)
        return super().forward(ids, there)


class Mean(torch.nn.Module):
    """Picture -> six numbers."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 6)

    def forward(self, images):
        return self.layer(images.mean(dim=(2, 3)))


def model(texts=TEXTS, temperature: float = 0.07) -> DualEncoder:
    torch.manual_seed(0)
    text = Counting(NgramsSpec(width=8, buckets=64))
    head = PrototypeHeadSpec(embed_dim=5, temperature=temperature)
    return DualEncoder((Mean(), text), 6, head, texts, HALF, HALF).eval()


def pictures(count: int = 4) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, 4, 4), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def test_logits_are_cosines_with_the_mean_direction_of_a_classs_texts():
    network = model()
    features = network.features(pictures())
    images = F.normalize(network.head.image(features), dim=1)
    for place, some in enumerate(TEXTS.values()):
        each = [network.text(*network.reader.tokens.padded([text], torch.device("cpu")))[0] for text in some]
        directions = torch.stack([F.normalize(network.head.text(one), dim=0) for one in each])
        prototype = F.normalize(directions.mean(dim=0), dim=0)
        assert torch.allclose(network.logits(pictures())[:, place], images @ prototype / 0.07, atol=1e-4)


def test_the_length_of_a_text_makes_no_difference_before_the_mean_either():
    network = model()
    with torch.no_grad():
        texts = network.reader.features(torch.device("cpu"))
        network.head.text.bias.zero_()
        stretched = texts * torch.arange(1, len(texts) + 1)[:, None]
        own = network.own_ck
    assert torch.allclose(network.head.prototypes(texts, own), network.head.prototypes(stretched, own), atol=1e-6)


def test_a_frozen_tower_reads_each_text_once_and_its_projection_learns():
    network = model()
    apply_learning(network, (("text.*", 0.0), ("*", 1.0)))
    for _ in range(3):
        network(pictures())[1].sum().backward()
    assert network.text.read == 6
    assert network.head.text.weight.grad.any() and network.text.vectors.grad is None


def test_a_learning_tower_reads_each_text_once_a_step_and_once_a_validation():
    network = model()
    apply_learning(network, (("*", 1.0),))
    for _ in range(3):
        network(pictures())[1].sum().backward()
    assert network.text.read == 18 and network.text.vectors.grad.any()
    network.eval()
    with torch.no_grad():
        network(pictures()), network(pictures())
    assert network.text.read == 24


def test_weights_that_change_are_noticed():
    network = model()
    with torch.inference_mode():
        before = network.logits(pictures())
    optimizer = torch.optim.AdamW(network.text.parameters(), lr=0.1)
    network.text.vectors.grad = torch.ones_like(network.text.vectors) * torch.rand(65, 1)
    optimizer.step()
    with torch.inference_mode():
        stepped = network.logits(pictures())
    other = model()
    torch.nn.init.normal_(other.text.vectors)
    network.load_state_dict(other.state_dict())
    with torch.no_grad():
        loaded = network.logits(pictures())
    assert not torch.allclose(before, stepped) and not torch.allclose(stepped, loaded)
    assert torch.equal(loaded, other.logits(pictures()))


def test_what_was_kept_can_be_trained_on_and_a_copy_keeps_its_own():
    network = model()
    with torch.inference_mode():
        network.logits(pictures())
    network.text.requires_grad_(False)
    network(pictures())[1].sum().backward()
    twin = copy.deepcopy(network)
    torch.nn.init.normal_(twin.text.vectors)
    assert not torch.allclose(twin.logits(pictures()), network.logits(pictures()))


def test_gradients_reach_both_towers_and_the_temperature():
    network = model()
    F.cross_entropy(network(pictures())[1], torch.tensor([0, 1, 2, 0])).backward()
    for parameter in (network.image.layer.weight, network.text.vectors, network.head.log_scale):
        assert parameter.grad.isfinite().all() and parameter.grad.any()


def test_the_temperature_begins_as_said_and_stays_above_a_hundredth():
    network = model(temperature=0.07)
    assert network.head.log_scale.item() == pytest.approx(math.log(1 / 0.07))
    with torch.no_grad():
        network.head.log_scale.fill_(9.0)
    network.constrain()
    assert network.head.log_scale.exp().item() == pytest.approx(MOST_SCALE)
    network.logits(pictures()).abs().max().backward()
    assert network.head.log_scale.grad.any()  # at the limit it can still fall


SEED_NAMES = (
    *("starnet_dual_pyramid_rcf", "starnet_dual_pyramid_rcf_pt", "starnet_fpn_pan_rcf"),
    *("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "vit"),
    *(f"efficientnet-b{size}" for size in range(8)),
    *("convnext-tiny", "convnext-small", "convnext-base", "convnext-large"),
)


@pytest.mark.parametrize("name", SEED_NAMES)
def test_every_name_of_the_seed_is_an_architecture(name):
    assert expects(timm_name(name)).image_size >= 224


def test_each_encoder_gets_the_pictures_it_was_trained_on():
    assert expects(timm_name("vit")).mean == HALF and expects(timm_name("vit")).std == HALF
    assert expects(timm_name("resnet50")).mean == (0.485, 0.456, 0.406)
    assert not set(TIMM_NAMES) & set(TIMM_NAMES.values())
