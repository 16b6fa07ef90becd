"""Hints: features of a student drawn towards those of its teacher."""

from torch import Tensor


def hint_losses(projected: Tensor, taught: Tensor) -> Tensor:
    """(B,) half the squared distance of a student's projected features to its teacher's, both (B, D).

    Romero et al., FitNets: Hints for Thin Deep Nets, ICLR 2015, eq. 3, at what the head sees. The teacher's features
    have length 1, so that the distance means the same whatever network they come from.
    """
    return (projected.float() - taught).square().sum(dim=1) / 2
