"""A graph whose weights and activations are whole numbers of 8 bits: quicker, and a little rounded.

Weights are scaled by channel, activations by tensor, in the ranges that pictures were seen to need (Jacob et al., CVPR
2018).
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.export.silence import silence
from sfumato.models.extra import library
from sfumato.predict.graphs import INPUT

AT_ONCE = 8
"""Pictures whose ranges are looked at together."""


class _Ranges:
    """Hands over (B, 3, S, S) uint8, batch by batch, as the quantiser asks for them."""

    def __init__(self, images: NDArray[np.uint8]) -> None:
        self._batches: Iterator[NDArray[np.uint8]] = (
            images[start : start + AT_ONCE] for start in range(0, len(images), AT_ONCE)
        )

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        """The next batch; None after the last."""
        batch = next(self._batches, None)
        return None if batch is None else {INPUT: batch}


def round_graph(path: Path, images: NDArray[np.uint8]) -> None:
    """Put a graph of 8-bit numbers in the place of one of floats.

    Args:
        path: The graph.
        images: (N, 3, S, S) pictures as the network is shown them, like those it will see.

    Raises:
        InputError: ONNX Runtime is not installed.
    """
    runtime: Any = library("onnxruntime.quantization", "export", "--int8")
    with TemporaryDirectory() as name, silence():
        ready = Path(name) / "ready.onnx"
        runtime.shape_inference.quant_pre_process(str(path), str(ready))
        runtime.quantize_static(
            str(ready),
            str(path),
            _Ranges(images),
            quant_format=runtime.QuantFormat.QDQ,
            per_channel=True,
            activation_type=runtime.QuantType.QUInt8,
            weight_type=runtime.QuantType.QInt8,
        )
