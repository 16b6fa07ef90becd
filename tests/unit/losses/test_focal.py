"""Focal loss against torchvision's, and its tail form."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torchvision.ops import sigmoid_focal_loss

from sfumato.data.mixing import one_hot
from sfumato.losses.cross_entropy import CrossEntropySpec, smoothed
from sfumato.losses.focal import FocalSpec, focal_terms
from sfumato.losses.reduce import reduce, weigh
from sfumato.losses.tail_focal import TailFocalSpec, tail
from sfumato.metrics.longtail import tail_classes

GENERATOR = torch.Generator().manual_seed(0)
LOGITS = 3 * torch.randn(40, 5, generator=GENERATOR)
CLASSES = torch.randint(0, 5, (40,), generator=GENERATOR)
COUNTS = torch.tensor([100.0, 3.0, 50.0, 7.0, 20.0])
GAMMAS = [0.5, 1.0, 1.5, 2.0, 5.0]


def mean(spec, logits, targets, counts=COUNTS):
    """As the criterion weighs and averages it."""
    ones = torch.ones(len(targets))
    samples = spec.sample_weights(targets, counts) if isinstance(spec, TailFocalSpec) else ones
    factors = weigh(targets, torch.ones(targets.shape[1]), samples, "samples", lambda total: total)
    return reduce(spec.terms(logits, targets, counts), factors)


def test_gamma_0_is_cross_entropy():
    for targets in (one_hot(CLASSES, 5), torch.rand(40, 5, generator=GENERATOR).softmax(dim=1)):
        plain = CrossEntropySpec().terms(LOGITS, targets, COUNTS)
        assert torch.equal(FocalSpec(gamma=0).terms(LOGITS, targets, COUNTS), plain)
        assert torch.equal(TailFocalSpec(gamma=0).terms(LOGITS, targets, COUNTS), plain)


@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("alpha", [-1, 0.25])
def test_two_classes_equal_torchvision(gamma, alpha):
    """Logits (0, x) give softmax probabilities (1 - sigmoid(x), sigmoid(x)); alpha is a weight of class 1, 1 - alpha
    that of class 0. They coincide for hard targets: for soft ones torchvision takes 1 - p_t, which is not |q - p|."""
    x = torch.linspace(-6, 6, 41, requires_grad=True)
    other = x.detach().clone().requires_grad_()
    weights = torch.ones(2) if alpha < 0 else torch.tensor([1 - alpha, alpha])
    for target in (0, 1):
        soft = one_hot(torch.full((41,), target), 2)
        ours = (focal_terms(torch.stack([torch.zeros(41), x], dim=1), soft, gamma) * weights).sum()
        theirs = sigmoid_focal_loss(other, torch.full((41,), float(target)), alpha, gamma, reduction="sum")
        assert float(ours.detach()) == pytest.approx(float(theirs.detach()), rel=1e-4)
        ours.backward()
        theirs.backward()
    assert torch.allclose(x.grad, other.grad, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("gamma", GAMMAS)
def test_hard_targets_are_the_papers_form(gamma):
    p = LOGITS.double().softmax(dim=1)[torch.arange(40), CLASSES]
    found = FocalSpec(gamma=gamma).terms(LOGITS, one_hot(CLASSES, 5), COUNTS).sum(dim=1)
    assert torch.allclose(found.double(), -((1 - p) ** gamma) * p.log(), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("gamma", GAMMAS)
def test_class_weights_do_not_change_what_is_hard(gamma):
    """exp(-weighted cross-entropy) is no probability: the factor must come from the logits alone."""
    weights, targets = torch.tensor([5.0, 0.2, 1.0, 2.0, 0.5]), one_hot(CLASSES, 5)
    ones = torch.ones(40)
    spec = FocalSpec(gamma=gamma)
    terms = spec.terms(LOGITS, targets, COUNTS)
    for mean_over in ("samples", "weights"):
        found = reduce(terms, weigh(targets, weights, ones, mean_over, lambda total: total))
        p = LOGITS.softmax(dim=1)[torch.arange(40), CLASSES]
        each = weights[CLASSES] * (1 - p) ** gamma * -p.log()
        by = weights[CLASSES].sum() if mean_over == "weights" else 40
        assert float(found) == pytest.approx(float(each.sum() / by), rel=1e-4)


def test_soft_targets_are_the_quality_focal_loss():
    q = torch.rand(40, 5, generator=torch.Generator().manual_seed(2)).softmax(dim=1)
    p = LOGITS.softmax(dim=1)
    expected = (-q * (q - p).abs() ** 2 * p.log()).sum(dim=1)
    assert torch.allclose(FocalSpec().terms(LOGITS, q, COUNTS).sum(dim=1), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("gamma", [0.1, *GAMMAS])
@pytest.mark.parametrize("logits", [torch.zeros(1, 4), torch.tensor([[200.0, 0, -200, 0]])])
def test_the_slope_is_finite_where_the_answer_is_right(gamma, logits):
    logits = logits.clone().requires_grad_()
    focal_terms(logits, logits.detach().softmax(dim=1), gamma).sum().backward()
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("spec", [FocalSpec(), TailFocalSpec(), CrossEntropySpec()])
def test_order_and_copies_of_a_batch_change_nothing(spec):
    targets = one_hot(CLASSES, 5)
    whole = float(mean(spec, LOGITS, targets))
    order = torch.randperm(40, generator=torch.Generator().manual_seed(1))
    assert float(mean(spec, LOGITS[order], targets[order])) == pytest.approx(whole, rel=1e-5)
    assert float(mean(spec, LOGITS.repeat(3, 1), targets.repeat(3, 1))) == pytest.approx(whole, rel=1e-5)


def test_halves_let_one_tail_image_weigh_as_much_as_all_others():
    """One of 32 images is of the tail: it weighs 31 times any other, and twice as much as all where it is alone."""
    spec = TailFocalSpec(mean="halves")
    classes = torch.tensor([1] + 31 * [0])
    weights = spec.sample_weights(one_hot(classes, 5), COUNTS)
    assert float(weights[0] / weights[1]) == pytest.approx(31)
    targets, logits = one_hot(classes, 5), LOGITS[:32]
    focal = FocalSpec(gamma=1.5).terms(logits[:1], targets[:1], COUNTS).sum()
    plain = F.cross_entropy(logits[1:], classes[1:])
    assert float(mean(spec, logits, targets)) == pytest.approx(float(focal + plain), rel=1e-5)
    assert float(mean(spec, logits[1:], targets[1:])) == pytest.approx(float(plain), rel=1e-5)
    # what `samples` does not: the same image in a batch of other content weighs otherwise
    several = torch.cat([torch.zeros(5, dtype=torch.int64), torch.arange(32)])
    changed = float(mean(spec, logits[several], targets[several]))
    share = float(mean(TailFocalSpec(), logits[several], targets[several]))
    each = TailFocalSpec().terms(logits, targets, COUNTS).sum(dim=1)
    assert share == pytest.approx(float(each[several].mean()), rel=1e-5)
    assert changed != pytest.approx(share, rel=0.05)


def test_tail_focal_is_focal_on_the_tail_and_cross_entropy_elsewhere():
    targets = one_hot(CLASSES, 5)
    found = TailFocalSpec(gamma=2, fraction=0.4).terms(LOGITS, targets, COUNTS).sum(dim=1)
    plain = F.cross_entropy(LOGITS, CLASSES, reduction="none")
    p = LOGITS.softmax(dim=1)[torch.arange(40), CLASSES]
    in_tail = (CLASSES == 1) | (CLASSES == 3)
    assert 5 < in_tail.sum() < 35
    assert torch.allclose(found, torch.where(in_tail, (1 - p) ** 2 * plain, plain), rtol=1e-4, atol=1e-6)


def test_smoothing_of_others_stays_cross_entropy():
    """A sample is of the tail or not: the share that smoothing gives tail classes changes no other sample's loss."""
    targets = smoothed(one_hot(CLASSES, 5), 0.1)
    found = TailFocalSpec(gamma=2, fraction=0.4).terms(LOGITS, targets, COUNTS).sum(dim=1)
    others = (CLASSES != 1) & (CLASSES != 3)
    plain = F.cross_entropy(LOGITS, CLASSES, reduction="none", label_smoothing=0.1)
    assert torch.allclose(found[others], plain[others], rtol=1e-5)
    assert not torch.isclose(found[~others], plain[~others], rtol=1e-3).any()


def test_the_tail_is_15_of_61_with_ties_by_class():
    counts = np.array([30] * 50 + [2] * 11)
    found = tail(torch.from_numpy(counts).float(), 0.25).nonzero().flatten().tolist()
    assert found == [0, 1, 2, 3, *range(50, 61)]
    assert len(found) == 15


def test_the_tail_is_the_one_that_is_measured():
    rng = np.random.default_rng(0)
    checked = 0
    for classes in (1, 2, 3, 4, 5, 44, 61, 100):
        for fraction in (0.05, 0.25, 0.29, 0.5, 1.0):
            counts = rng.integers(0, 12, classes)
            mask = tail(torch.from_numpy(counts.astype(np.float32)), fraction)
            assert mask.nonzero().flatten().tolist() == tail_classes(counts, fraction).tolist()
            checked += 1
    assert checked == 40
