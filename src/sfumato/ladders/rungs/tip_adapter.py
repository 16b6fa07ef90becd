"""Tip-Adapter: zero-shot, and beside it the classes of the training pictures that are near. Nothing is trained.

Zhang et al., Tip-Adapter: Training-free Adaption of CLIP for Few-shot Classification, ECCV 2022, eq. 4 to 6:
logits = share * exp(-sharpness (1 - f K)) V + scale * f T, with keys K the features of the training pictures and values
V their classes, one-hot. Where a picture may be of several classes V has a 1 for each of them, and 0 where it is not
known; nothing else changes.
"""

from collections.abc import Iterator
from dataclasses import replace

from sfumato.ladders.rungs.rung import Rung
from sfumato.ladders.rungs.shots import Cache, Fitted, Keys, Shots
from sfumato.ladders.rungs.zero_shot import fit_zero_shot

SHARES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Of the scale, so that a picture in the cache counts as much at any temperature. Theirs: 1 to 50 at a scale of 100."""
SHARPNESSES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
"""Theirs: 1 to 28."""
MOST_PICTURES = 20_000
"""Of more the cache would be slower than the backbone, and larger."""


def fit_tip_adapter(shots: Shots, share: float, sharpness: float, keys: Keys | None = None) -> Fitted:
    """Zero-shot with the training pictures as cache.

    Args:
        shots: The pictures.
        share: As in `AdaptedHeadSpec`; 0 = zero-shot.
        sharpness: As there; of the cache alone, the sharper the more it is the nearest picture's class that counts.
        keys: Their features, shared by settings; None = new ones.
    """
    cache = Cache(keys or Keys(shots.features_ne), shots.there_nc, share, sharpness)
    settings = {"alpha": share, "beta": sharpness}
    return replace(fit_zero_shot(shots), cache=cache, settings=settings)


def _fit(shots: Shots) -> Iterator[Fitted]:
    keys = Keys(shots.features_ne)
    yield fit_tip_adapter(shots, 0.0, SHARPNESSES[0], keys)
    for share in SHARES[1:]:
        for sharpness in SHARPNESSES:
            yield fit_tip_adapter(shots, share * shots.scale, sharpness, keys)


TIP_ADAPTER = Rung("tip_adapter", "Tip-Adapter", _fit, MOST_PICTURES)
