"""A network on the weights of another, of modules of its own."""

import pytest
import torch

from sfumato.models.apart import apart
from sfumato.models.classifier import ModelSpec, build_classifier
from sfumato.models.grad_cam import class_maps, has_maps

HALF = (0.5, 0.5, 0.5)


@pytest.fixture
def pictures():
    return torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", ["test_vit", "test_resnet", "test_efficientnet"])
def test_it_answers_alike_on_one_copy_of_the_weights(pictures, name):
    model = build_classifier(ModelSpec(backbone=name, weights="none"), 3, 64, HALF, HALF).eval()
    other = apart(model)
    with torch.inference_mode():
        assert torch.equal(model.logits(pictures), other.logits(pictures))
    for one, shared in zip(model.parameters(), other.parameters(), strict=True):
        assert one.data_ptr() == shared.data_ptr() and one.requires_grad and not shared.requires_grad
    assert not set(model.modules()) & set(other.modules()) and not other.training
    assert has_maps(other)
    asked = ([0, 2], slice(0, 3))
    assert torch.equal(
        class_maps(other, pictures, *asked, several=False), class_maps(model, pictures, *asked, several=False)
    )


@pytest.mark.parametrize("name", ["test_vit", "test_resnet"])
def test_while_one_is_explained_the_other_computes_what_it_did(pictures, name, monkeypatch):
    """Within a map's forward pass, where hooks hang on the network, the other is asked: they see nothing of it."""
    model = build_classifier(ModelSpec(backbone=name, weights="none"), 3, 64, HALF, HALF).eval()
    other, asked = apart(model), ([0, 2], slice(0, 3))
    alone, said = class_maps(other, pictures, *asked, several=False), model.logits(pictures)
    normalised, between = type(other).normalised, []

    def asking(self, images):
        if self is other:
            between.append(model.logits(pictures.flip(0)))
        return normalised(self, images)

    monkeypatch.setattr(type(other), "normalised", asking)
    assert torch.equal(class_maps(other, pictures, *asked, several=False), alone)
    assert torch.equal(between[0], said.flip(0))
