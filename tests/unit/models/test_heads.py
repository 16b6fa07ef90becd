import math

import pytest
import torch
from torch.nn import functional as F

from sfumato.models.heads import (
    CosineClassifier,
    CosineHeadSpec,
    LinearHeadSpec,
    MlpHeadSpec,
    build_head,
    linear_rows,
    take_class_vectors,
    take_nearest_mean,
)

FEATURES = torch.randn(7, 16, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("spec", [LinearHeadSpec(dropout=0.2), MlpHeadSpec(hidden=8), CosineHeadSpec()])
def test_every_head_gives_a_logit_a_class(spec):
    assert build_head(spec, 16, 5)(FEATURES).shape == (7, 5)


def test_linear_head_starts_from_an_even_guess():
    p = build_head(LinearHeadSpec(), 16, 5)(FEATURES).softmax(dim=1).detach()
    assert torch.allclose(p, torch.full((7, 5), 0.2), atol=0.05)


def test_cosine_head_ignores_lengths():
    head = CosineClassifier(16, 5, scale=30)
    logits = head(FEATURES)
    assert torch.allclose(head(FEATURES * 100), logits, atol=1e-4)
    with torch.no_grad():
        head.weight.mul_(torch.arange(1, 6)[:, None])
    assert torch.allclose(head(FEATURES), logits, atol=1e-4)
    assert logits.abs().max() <= 30


def test_cosine_head_tells_near_angles_apart_under_autocast():
    head = CosineClassifier(16, 5, scale=30)
    logits = head(FEATURES)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(head(FEATURES), logits)


@pytest.mark.parametrize("scale", [5.0, 10.0, 30.0])
def test_cosine_loss_reaches_its_bound_on_a_simplex(scale):
    """NormFace (Wang et al. 2017): the least loss is that of class vectors at equal angles."""
    classes = 6
    simplex = torch.eye(classes, dtype=torch.float64) - 1 / classes
    head = CosineClassifier(classes, classes, scale)
    with torch.no_grad():
        head.weight.copy_(simplex)
    loss = F.cross_entropy(head(simplex).double(), torch.arange(classes)).detach()
    bound = math.log(1 + (classes - 1) * math.exp(-scale * classes / (classes - 1)))
    assert float(loss) == pytest.approx(bound, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("classes", [2, 3, 61])
@pytest.mark.parametrize("scale", [1.0, 5.0, 10.0])
def test_no_vectors_beat_the_bound(classes, scale):
    """Of an even batch; the further from equal angles, the further from it."""
    bound = math.log(1 + (classes - 1) * math.exp(-scale * classes / (classes - 1)))
    generator = torch.Generator().manual_seed(0)
    simplex = torch.eye(classes) - 1 / classes
    losses = []
    for noise in (0.0, 0.03, 0.1, 0.3, 1.0, 10.0):
        head = CosineClassifier(classes, classes, scale)
        take_class_vectors(head, simplex + noise * torch.randn(classes, classes, generator=generator))
        features = simplex + noise * torch.randn(classes, classes, generator=generator)
        logits = head(features).double().detach()
        losses.append(float(F.cross_entropy(logits, torch.arange(classes))))
    assert losses[0] == pytest.approx(bound, rel=1e-3, abs=1e-8)
    assert min(losses) == losses[0]
    assert losses[-1] > 1.1 * bound


def test_class_vectors_are_taken_by_direction():
    head, vectors = CosineClassifier(16, 5, scale=30), torch.randn(5, 16)
    take_class_vectors(head, vectors * torch.arange(1, 6)[:, None])
    assert torch.allclose(head(FEATURES), 30 * F.cosine_similarity(FEATURES[:, None], vectors[None], dim=2), atol=1e-4)
    assert torch.allclose(head.weight.norm(dim=1), torch.ones(5))


def test_a_class_without_a_vector_keeps_a_direction():
    """At a vector of zeros the slope is 1e12 times what it is elsewhere, and clipping would leave the rest nothing."""
    head, vectors = CosineClassifier(16, 3, scale=30), torch.randn(3, 16, generator=torch.Generator().manual_seed(1))
    vectors[1] = 0
    own = F.normalize(head.weight[1].detach(), dim=0)
    take_class_vectors(head, vectors)
    assert torch.allclose(head.weight[1], own)
    F.cross_entropy(head(FEATURES), torch.arange(7) % 3).backward()
    assert float(head.weight.grad.abs().max()) < 100


def test_rows_of_a_linear_head_are_those_that_answer():
    head = build_head(LinearHeadSpec(dropout=0.5), 16, 5).eval()
    rows = linear_rows(head)
    assert torch.allclose(head(FEATURES), FEATURES @ rows.T, atol=1e-5)
    with torch.no_grad():
        head[1].weight.zero_()
    assert rows.any()


def test_a_head_of_means_names_no_class_that_had_no_image():
    head = build_head(LinearHeadSpec(), 2, 3)
    take_nearest_mean(head, torch.tensor([[2.0, 0.0], [0.0, 0.0], [0.0, 2.0]]))
    features = torch.tensor([[0.6, 0.5], [0.5, 0.6], [2.1, 0.1], [0.0, 0.0]])
    assert head(features).argmax(dim=1).tolist()[:3] == [0, 2, 0]
    assert head(features)[3].argmax() != 1
