"""From towers with LoRA beside their weights to one set of weights that answers alike."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import RunError
from sfumato.models.dual_encoder_spec import DualEncoderSpec
from sfumato.models.network import Network
from sfumato.models.tower_lora import merge_lora

TOLERANCE = 1e-3
"""Greatest difference of a logit after merging, relative to one more than the greatest of its sample."""


def settle_towers(model: Network, spec: Any, ask: Callable[[], NDArray[np.floating]]) -> Any:
    """Add LoRA to the weights of a dual encoder's towers; the spec the model has then, or `spec` where there is none.

    Args:
        model: In evaluation mode.
        spec: It was built from.
        ask: What the model says of a fixed set of samples, (S, C) logits.

    Raises:
        RunError: It says something else once merged.
    """
    if not (isinstance(spec, DualEncoderSpec) and spec.lora is not None):
        return spec
    before = ask()
    merge_lora(model)
    after = ask()
    far = np.abs(after - before).max(axis=1) / (1 + np.abs(before).max(axis=1))
    if not np.isfinite(after).all() or (far > TOLERANCE).any():
        raise RunError(f"merging LoRA changed logits by up to {float(np.abs(after - before).max()):.3g}")
    return spec.model_copy(update={"lora": None})
