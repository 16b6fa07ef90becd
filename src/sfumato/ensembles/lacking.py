"""Samples that a member left out for want of a picture or a text. Of them it says how frequent classes are, no more.

Shapes: N samples, C classes.
"""

from pathlib import Path

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from sfumato.decision.fusion.fusion import Floats
from sfumato.metrics.membership import Truth, answered, members


def left_out(bundle: Path) -> frozenset[str]:
    """Ids that the run or cross-validation around a bundle lists as samples it could not use."""
    folder = bundle.parent
    paths = (folder / "data" / "bad_images.csv", folder / "fold-0" / "data" / "bad_images.csv")
    path = next((one for one in paths if one.is_file()), None)
    if path is None:
        return frozenset()
    try:
        return frozenset(pl.read_csv(path, infer_schema=False)["id"].to_list())
    except PolarsError:  # nothing is listed
        return frozenset()


def frequencies(truth: Truth, classes: int) -> Floats:
    """(C,) what is said of a sample by a member that knows nothing of it.

    Log-probabilities of the classes as often as they are true of N samples, one more of each (Laplace's rule of
    succession); where a sample may be of several classes, log-odds of each.

    Args:
        truth: As in `membership`; what is not known of a sample is not counted.
        classes: C.
    """
    if truth.ndim == 2:
        there, known = ((of(truth, classes)).sum(axis=0) for of in (members, answered))
        return np.log((there + 1.0) / (known - there + 1.0)).astype(np.float32)
    counts = np.bincount(truth.astype(np.int64), minlength=classes) + 1.0
    return np.log(counts / counts.sum()).astype(np.float32)
