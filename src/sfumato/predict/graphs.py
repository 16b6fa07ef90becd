"""A network as ONNX Runtime computes it, from the graph that `sfumato export` wrote.

Shapes: B batch, C classes, D features, T tasks whose familiarity is measured, H and W pixels.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from sfumato.errors import InputError
from sfumato.models.extra import library
from sfumato.models.scoring import Familiar, familiarities
from sfumato.shown import Shown

INPUT, FEATURES, LOGITS = "images", "features", "logits"
"""(B, 3, H, W) uint8 -> (B, D) and (B, C) float32: what a graph's ends are called."""


class Graph:
    """A graph, ready to look at pictures.

    Args:
        path: The graph.

    Raises:
        InputError: ONNX Runtime is not installed, or can't read the graph.
    """

    reads_texts = False

    def __init__(self, path: Path) -> None:
        runtime = library("onnxruntime", "export", "engine")
        options: Any = runtime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()  # as many as torch, which others have set
        try:
            self._session: Any = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # what it raises has no class of its own
            reason = str(error).splitlines()[0]
            raise InputError(f"ONNX Runtime can't read it: {reason}", where=str(path)) from None
        widths = {one.name: one.shape[-1] for one in self._session.get_outputs()}
        self.width = cast(int, widths[FEATURES])
        """Features of a sample, D."""
        self.classes = cast(int, widths[LOGITS])
        """Logits of a sample, C."""

    def scored(self, shown: Shown, references: Sequence[Familiar]) -> NDArray[np.float32]:
        """(B, C + T) of B pictures: the logits, then what each reference says of the features."""
        images = np.ascontiguousarray(shown.images.cpu().numpy())
        names = [LOGITS, FEATURES] if references else [LOGITS]
        logits, *features = cast(list[NDArray[np.float32]], self._session.run(names, {INPUT: images}))
        return np.concatenate([logits, familiarities(features[0], references)], axis=1) if references else logits


def at_hand() -> bool:
    """Whether ONNX Runtime is installed."""
    return find_spec("onnxruntime") is not None
