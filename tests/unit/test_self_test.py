"""What is tried before a dual encoder is trained, and what it finds."""

import pytest
import torch
from tests.unit.models.test_dual_encoder import TEXTS, model, pictures

from sfumato.errors import RunError
from sfumato.models.dual_encoder import DualEncoder
from sfumato.preparation.self_test import check_gradients, steps_by_heart, trial_of

NAMES = ["normal", "pneumonia", "normal", "other"]


def trial(network: DualEncoder | None = None):
    return trial_of(network or model(), TEXTS, NAMES)


def test_a_sound_model_passes_and_keeps_its_weights_and_gradients():
    network = model()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    copied, classes = trial(network)
    check_gradients(copied, pictures(), classes)
    assert steps_by_heart(copied, pictures(), classes) < 300
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())


class Dead(torch.nn.Module):
    """Picture -> the same for all, whatever is in it."""

    def __init__(self, value: float):
        super().__init__()
        self.layer, self.value = torch.nn.Linear(3, 6), value

    def forward(self, images):
        return 0 * self.layer(images.mean(dim=(2, 3))) + self.value


@pytest.mark.parametrize(
    ("value", "wanted"),
    [(1.0, "the gradient of the image encoder is none, zero or not finite"), (float("nan"), "or not finite, of 4")],
)
def test_an_image_encoder_that_learns_nothing(value, wanted):
    network = model()
    network.image = Dead(value)
    copied, classes = trial(network)
    with pytest.raises(RunError, match=wanted):
        check_gradients(copied, pictures(), classes)


def test_a_constant_temperature():
    copied, classes = trial()
    del copied.head.log_scale
    copied.head.log_scale = torch.tensor(2.0)
    with pytest.raises(RunError, match="the gradient of the temperature"):
        check_gradients(copied, pictures(), classes)


def test_pictures_that_are_alike_are_not_learnt_by_heart():
    copied, classes = trial()
    assert steps_by_heart(copied, pictures(1).expand(4, -1, -1, -1), classes) is None
