import pytest
import torch
from torch.nn import functional as F

from sfumato.losses.cross_entropy import cross_entropy
from sfumato.losses.reduce import reduce

LOGITS = torch.randn(12, 5, generator=torch.Generator().manual_seed(0)) * 4
TRUTH = torch.arange(12) % 5
HARD = F.one_hot(TRUTH, 5).float()


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_equals_torch(smoothing):
    ours = cross_entropy(LOGITS, HARD, smoothing)
    assert torch.allclose(ours, F.cross_entropy(LOGITS, TRUTH, label_smoothing=smoothing, reduction="none"))


def test_soft_targets_equal_torch():
    soft = torch.softmax(torch.randn(12, 5, generator=torch.Generator().manual_seed(1)), dim=1)
    assert torch.allclose(cross_entropy(LOGITS, soft, 0.0), F.cross_entropy(LOGITS, soft, reduction="none"))


def test_bf16_logits_are_summed_in_fp32():
    assert cross_entropy(LOGITS.bfloat16(), HARD, 0.0).dtype == torch.float32


def test_pieces_add_up_to_the_mean():
    losses = cross_entropy(LOGITS, HARD, 0.1)
    pieces = sum(reduce(piece, 12) for piece in losses.split([5, 4, 3]))
    assert torch.allclose(pieces, losses.mean())
