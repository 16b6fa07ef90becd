"""The loss of a batch against torch's own cross-entropy: weights, smoothing, pieces, unknown classes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.plans import plan
from torch.nn import functional as F

from sfumato.data.mixing import one_hot
from sfumato.losses.centre import CentreLossSpec, Centres
from sfumato.losses.class_weights import EffectiveNumberSpec, GivenWeightsSpec, InverseFrequencySpec, class_weights
from sfumato.losses.focal import FocalSpec
from sfumato.training.criterion import Criterion
from sfumato.training.task_loss import TaskLoss

COUNTS = np.array([120, 40, 7, 2])
NAMES = ("a", "b", "c", "d")
GENERATOR = torch.Generator().manual_seed(0)
LOGITS = 2 * torch.randn(20, 4, generator=GENERATOR)
FEATURES = torch.randn(20, 6, generator=GENERATOR)
CLASSES = torch.randint(0, 4, (20,), generator=GENERATOR)
SPECS = [
    None,
    InverseFrequencySpec(),
    EffectiveNumberSpec(cap=None),
    GivenWeightsSpec(weights={"a": 1, "b": 0.2, "c": 3, "d": 1}),
]


def settings(**changes):
    return replace(plan().at(0), **changes)


def criterion():
    tasks = [TaskLoss(COUNTS, NAMES, torch.device("cpu"))]
    return Criterion(tasks, [1.0], None, lambda figure: figure)


def loss(of, classes=CLASSES, targets=None, pieces=1):
    """(loss, gradient by the logits) of a batch in pieces."""
    logits = LOGITS.clone().requires_grad_()
    made = criterion()
    soft = one_hot(classes, 4) if targets is None else targets
    wanted = made.want(classes[:, None], soft, of, float(len(classes))).pieces(pieces)
    parts = zip(FEATURES.tensor_split(pieces), logits.tensor_split(pieces), wanted, strict=True)
    total = 0.0
    for features, piece, sought in parts:
        value = made(features, piece, sought, of)
        value.backward()
        total += float(value.detach())
    return total, logits.grad


def torch_loss(weights, smoothing, classes=CLASSES):
    logits = LOGITS.clone().requires_grad_()
    value = F.cross_entropy(logits, classes, weights, label_smoothing=smoothing, ignore_index=-1)
    value.backward()
    return float(value.detach()), logits.grad


def weights_of(spec):
    return None if spec is None else class_weights(spec, torch.tensor(COUNTS).float(), NAMES)


@pytest.mark.parametrize("spec", SPECS, ids=str)
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.6])
@pytest.mark.parametrize("pieces", [1, 3])
@pytest.mark.parametrize("unknown", [False, True])
def test_equals_torch_in_value_and_gradient(spec, smoothing, pieces, unknown):
    classes = torch.where(torch.arange(20) % 7 == 2, -1, CLASSES) if unknown else CLASSES
    value, slope = loss(settings(class_weights=spec, label_smoothing=smoothing), classes, pieces=pieces)
    expected, expected_slope = torch_loss(weights_of(spec), smoothing, classes)
    assert value == pytest.approx(expected, rel=1e-5)
    assert torch.allclose(slope, expected_slope, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_over_samples_the_scale_is_the_mean_weight(smoothing):
    """torch's mean for probabilities: the same sum by N and not by the weights."""
    over_samples = InverseFrequencySpec(mean_over="samples")
    weights = weights_of(over_samples)
    value, slope = loss(settings(class_weights=over_samples, label_smoothing=smoothing))
    by_weights, _ = torch_loss(weights, smoothing)
    assert value == pytest.approx(by_weights * float(weights[CLASSES].sum()) / 20, rel=1e-5)
    soft = one_hot(CLASSES, 4) * (1 - smoothing) + smoothing / 4
    logits = LOGITS.clone().requires_grad_()
    expected = F.cross_entropy(logits, soft, weights)
    expected.backward()
    assert value == pytest.approx(float(expected.detach()), rel=1e-5)
    assert torch.allclose(slope, logits.grad, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("share", [0.5, 0.8, 1.0])
def test_mixed_targets_are_two_terms_where_no_class_weighs_more(share):
    other = CLASSES.roll(1)
    targets = share * one_hot(CLASSES, 4) + (1 - share) * one_hot(other, 4)
    value, slope = loss(settings(), targets=targets)
    logits = LOGITS.clone().requires_grad_()
    two = share * F.cross_entropy(logits, CLASSES) + (1 - share) * F.cross_entropy(logits, other)
    two.backward()
    assert value == pytest.approx(float(two.detach()), rel=1e-5)
    assert torch.allclose(slope, logits.grad, rtol=1e-4, atol=1e-7)


def test_mixed_targets_are_divided_by_their_own_weights():
    """Soft targets with class weights: all terms by all weights. The two-term form divides half by half; it is the
    same while both halves are the same samples, as they are where a batch is mixed with itself."""
    spec = InverseFrequencySpec(cap=None)
    weights, checked = weights_of(spec), []
    for other in (CLASSES.roll(1), torch.full((20,), 3)):
        targets = 0.7 * one_hot(CLASSES, 4) + 0.3 * one_hot(other, 4)
        value, _ = loss(settings(class_weights=spec), targets=targets)
        expected = -(targets * weights * LOGITS.log_softmax(dim=1)).sum() / (targets * weights).sum()
        assert value == pytest.approx(float(expected), rel=1e-5)
        halves = 0.7 * F.cross_entropy(LOGITS, CLASSES, weights) + 0.3 * F.cross_entropy(LOGITS, other, weights)
        checked.append(value == pytest.approx(float(halves), rel=1e-3))
    assert checked == [True, False]


def test_a_batch_of_unknown_classes_alone_loses_nothing():
    value, slope = loss(settings(class_weights=InverseFrequencySpec()), torch.full((20,), -1))
    assert value == 0
    assert not slope.any()


def test_the_centre_loss_is_a_mean_over_the_batch_whatever_its_pieces():
    spec = CentreLossSpec(weight=0.3)
    made = criterion()
    made.centres = Centres(torch.zeros(4, 6), unit=False)
    of = settings(centre_loss=spec, loss=FocalSpec())
    plain, _ = loss(settings(loss=FocalSpec()))
    for pieces in (1, 4):
        wanted = made.want(CLASSES[:, None], one_hot(CLASSES, 4), of, 20.0).pieces(pieces)
        parts = zip(FEATURES.tensor_split(pieces), LOGITS.tensor_split(pieces), wanted, strict=True)
        total = sum(float(made(features, logits, sought, of)) for features, logits, sought in parts)
        assert total - plain == pytest.approx(0.3 / 2 * float(FEATURES.square().sum(dim=1).mean()), rel=1e-4)


def test_weights_are_those_of_the_settings_whatever_lived_where_they_do():
    made = criterion()
    for power in (0.25, 0.5, 1.0, 2.0) * 3:
        of = settings(class_weights=InverseFrequencySpec(power=power, cap=None, mean_over="samples"))
        factors = made.want(CLASSES[:, None], one_hot(CLASSES, 4), of, 20.0).factors
        assert torch.allclose(factors[0] * 20, weights_of(of.class_weights), rtol=1e-5)
        del of
