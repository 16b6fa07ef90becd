"""From a network with LoRA beside its weights to one set of weights that answers alike."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import RunError
from sfumato.models.network import Network
from sfumato.models.vlm.lora import merge
from sfumato.models.vlm.network import Vlm
from sfumato.models.vlm.spec import VlmSpec

TOLERANCE = 1e-3
"""Greatest difference of a logit after merging, relative to one more than the greatest of its sample."""


def settle(model: Network, spec: Any, ask: Callable[[], NDArray[np.floating]]) -> Any:
    """Merge what the spec says is to be merged; the spec that the model has then, `spec` itself where nothing is.

    Args:
        model: In evaluation mode.
        spec: It was built from.
        ask: What the model says of a fixed set of samples, (S, C) logits.

    Raises:
        RunError: It says something else once merged; weights of few bits can't hold what was learnt beside them.
    """
    if not (isinstance(model, Vlm) and isinstance(spec, VlmSpec) and spec.merges):
        return spec
    before = ask()
    merge(model.network)
    refuse_drift(before, ask())
    return spec.model_copy(update={"lora": None, "base": "fp32" if spec.base == "fp32" else "bf16"})


def refuse_drift(before: NDArray[np.floating], after: NDArray[np.floating]) -> None:
    """Refuse (S, C) logits that changed.

    Raises:
        RunError: By more than rounding.
    """
    far = np.abs(after - before).max(axis=1) / (1 + np.abs(before).max(axis=1))
    if not np.isfinite(after).all() or (far > TOLERANCE).any():
        most = float(np.abs(after - before).max())
        raise RunError(f"merging LoRA changed log-likelihoods by up to {most:.3g}; set model.lora.adapter: kept")
