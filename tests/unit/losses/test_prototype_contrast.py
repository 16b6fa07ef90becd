"""The prototype contrast, against its formula written out, torch's losses, and whole batches against pieces."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from sfumato.losses.prototype_contrast import PrototypeContrastSpec
from sfumato.losses.reduce import reduce
from sfumato.training.multilabel_loss import MultilabelLoss

ODDS = torch.ones(4)
NAN = float("nan")


def by_hand(z: list[float], q: list[float], eta: float) -> float:
    """Of one picture, in double precision; nan = not known."""
    there, absent = [i for i, one in enumerate(q) if one == 1], [i for i, one in enumerate(q) if one == 0]
    others = sum(math.exp(z[i]) for i in absent)
    contrast = sum(math.log1p(others / math.exp(z[i])) for i in there) / max(1, len(there))
    binary = [math.log1p(math.exp(-z[i])) for i in there] + [math.log1p(math.exp(z[i])) for i in absent]
    return contrast + eta * sum(binary) / len(binary)


def loss_of(z, q, eta=0.2):
    """As the trainer computes it: () loss of a batch."""
    targets = torch.tensor(q)
    task = MultilabelLoss(np.ones((2, len(q[0])), dtype=np.int64), torch.device("cpu"))
    settings = SimpleNamespace(loss=PrototypeContrastSpec(eta=eta))
    factors = task.factors(targets, settings, lambda total: total)
    return reduce(task.terms(torch.tensor(z), targets, settings), factors)


@pytest.mark.parametrize(
    "q", [[1.0, 0, 0, 0], [1.0, 1, 0, 0], [0.0, 0, 0, 0], [1.0, 1, 1, 1], [1.0, NAN, 0, NAN], [NAN, NAN, 1, 1]]
)
def test_a_picture_costs_what_its_formula_says(q):
    z = [1.5, -0.4, 0.2, 2.0]
    assert float(loss_of([z], [q])) == pytest.approx(by_hand(z, q, 0.2), rel=1e-5)


def test_a_batch_is_the_mean_over_its_pictures_and_one_class_each_is_cross_entropy():
    z = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    classes = torch.tensor([0, 3, 1, 1, 2])
    found = loss_of(z.tolist(), F.one_hot(classes, 4).float().tolist(), eta=0.0)
    torch.testing.assert_close(found, F.cross_entropy(z, classes))


def test_classes_of_one_picture_are_no_negatives_of_each_other_and_the_unknown_are_of_none():
    own = torch.tensor([[1.0, 1, 0, 0]])
    plain = PrototypeContrastSpec(eta=0.0).label_terms(torch.tensor([[1.0, 2.0, 0.5, 0.0]]), own, ODDS)
    other = PrototypeContrastSpec(eta=0.0).label_terms(torch.tensor([[1.0, 9.0, 0.5, 0.0]]), own, ODDS)
    assert plain[0, 0] == other[0, 0] and plain[0, 1] > other[0, 1]
    unknown = torch.tensor([[1.0, NAN, 0, 0]])
    terms = [
        PrototypeContrastSpec(eta=0.0).label_terms(torch.tensor([[1.0, z, 0.5, 0]]), unknown, ODDS) for z in (2, 9)
    ]
    assert terms[0][0, 0] == terms[1][0, 0]


def test_gradients_are_finite_at_any_size_of_logits_and_a_picture_without_a_class_has_the_binary_one_alone():
    for size in (0.0, 100.0, 1e4):
        z = (size * torch.tensor([[1.0, -1, 1, -1]])).requires_grad_()
        terms = PrototypeContrastSpec().label_terms(z, torch.tensor([[1.0, 1, 0, 0]]), ODDS)
        (gradient,) = torch.autograd.grad(terms.sum(), z)
        assert terms.isfinite().all() and gradient.isfinite().all()
    z = torch.randn(1, 4, requires_grad=True)
    none = PrototypeContrastSpec(eta=0.5).label_terms(z, torch.zeros(1, 4), ODDS)
    torch.testing.assert_close(none, 0.5 * F.softplus(z))


def test_pieces_of_a_batch_add_up_to_it_in_value_and_gradient():
    generator = torch.Generator().manual_seed(1)
    z = torch.randn(8, 5, generator=generator, requires_grad=True)
    targets = (torch.rand(8, 5, generator=generator) < 0.4).float()
    targets[2, 1], targets[5] = NAN, 0.0
    task = MultilabelLoss(np.ones((2, 5), dtype=np.int64), torch.device("cpu"))
    settings = SimpleNamespace(loss=PrototypeContrastSpec())
    factors = task.factors(targets, settings, lambda total: total)
    whole = reduce(task.terms(z, targets, settings), factors)
    pieces = [
        reduce(task.terms(z[some], targets[some], settings), factors[some]) for some in torch.arange(8).split([3, 1, 4])
    ]
    torch.testing.assert_close(torch.stack(pieces).sum(), whole)
    wanted, found = (torch.autograd.grad(one, z, retain_graph=True)[0] for one in (whole, sum(pieces)))
    torch.testing.assert_close(found, wanted)
