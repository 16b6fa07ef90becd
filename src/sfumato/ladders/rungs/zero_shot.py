"""Zero-shot: no picture is learnt from; a class is what its texts say.

Radford et al., Learning Transferable Visual Models From Natural Language Supervision, ICML 2021, section 3.1.
Logits are scale * f T, and where a picture may be of several classes scale * (f T - midpoint).
"""

from collections.abc import Iterator

from sfumato.ladders.rungs.rung import Rung
from sfumato.ladders.rungs.shots import Fitted, Shots


def fit_zero_shot(shots: Shots) -> Fitted:
    """The vectors of the texts."""
    return Fitted(shots.scale * shots.prototypes_ce, shots.bias_c)


def _fit(shots: Shots) -> Iterator[Fitted]:
    yield fit_zero_shot(shots)


ZERO_SHOT = Rung("zero_shot", "zero-shot", _fit)
