import math

import pytest
import torch
from torch.nn import functional as F

from sfumato.models.heads import CosineClassifier, CosineHeadSpec, LinearHeadSpec, MlpHeadSpec, build_head

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
