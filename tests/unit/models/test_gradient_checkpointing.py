"""Gradient checkpointing: the same gradients; a network that can't is told."""

import copy

import pytest
import torch

from sfumato.errors import InputError
from sfumato.models.classifier import ModelSpec, build_classifier
from sfumato.models.image_text import ImageTextSpec, ImageTowerSpec, build_image_text
from sfumato.models.ngrams import NgramsSpec
from sfumato.models.text_only import TextOnlySpec, build_text_only
from sfumato.shown import Shown

HALF = (0.5, 0.5, 0.5)


def gradients(model, shown) -> dict[str, torch.Tensor]:
    model.train()
    torch.manual_seed(1)
    model.logits(shown).logsumexp(dim=1).sum().backward()
    return {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}


@pytest.mark.parametrize("family", ["image", "image_text"])
def test_the_same_gradients(family):
    torch.manual_seed(0)
    pictures = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    if family == "image":
        plain, shown = build_classifier(ModelSpec(backbone="test_vit", weights="none"), 3, 32, HALF, HALF), pictures
    else:
        image, text = ImageTowerSpec(backbone="test_vit", weights="none"), NgramsSpec(width=8, buckets=64)
        plain = build_image_text(ImageTextSpec(image=image, text=text), 3, 32, HALF, HALF)
        shown = Shown(pictures, (1, 1, 1, 1), ("a", "red", "", "pot"))
    saving = copy.deepcopy(plain)
    saving.checkpoint_gradients()
    first, second = gradients(plain, shown), gradients(saving, shown)
    assert first.keys() == second.keys()
    assert all(torch.allclose(first[name], second[name], atol=1e-6) for name in first)


def test_a_network_without_activations_worth_the_name_is_told():
    model = build_text_only(TextOnlySpec(text=NgramsSpec(width=8, buckets=64)), 3)
    with pytest.raises(InputError, match=r"train\.gradient_checkpointing: has no effect"):
        model.checkpoint_gradients()
