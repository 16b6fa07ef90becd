"""How often sets may hold the truth on other samples by chance alone, though they keep what they promise."""

from typing import Any, cast

from sfumato.decision.conformal.rank import conformal_rank


def coverage_band(calibrated: int, measured: int, alpha: float, level: float = 0.95) -> tuple[float, float]:
    """Shares, 0 to 1, between which the share of sets that hold the truth lies with a chance of at least `level`.

    Both sides have their chance: over draws of n calibration samples the coverage is Beta(k, n + 1 - k), k their rank,
    so of m other samples a beta-binomial number is held (Angelopoulos and Bates, A Gentle Introduction to Conformal
    Prediction, 2021, section 3.2). Equal scores raise it, so the upper end is for scores without ties. Below the
    lower end the samples are not like those of calibration, or belong together.

    Args:
        calibrated: n, from 0; too few to promise anything give (1, 1), as every set is whole.
        measured: m, from 1.
        alpha: Share of sets that may lack the truth, above 0 and below 1.
        level: Above 0 and below 1.
    """
    from scipy import stats  # half a second that most of the program never needs

    rank = conformal_rank(calibrated, alpha)
    if rank > calibrated:
        return 1.0, 1.0
    held = cast(Any, stats).betabinom(measured, rank, calibrated + 1 - rank)
    tail = (1 - level) / 2
    return float(held.ppf(tail)) / measured, float(held.ppf(1 - tail)) / measured
