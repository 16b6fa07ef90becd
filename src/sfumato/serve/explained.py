"""An answer to where in a picture is what speaks for a class: the map, and the picture with the map laid over it."""

import base64
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sfumato.data.images import Pixels
from sfumato.report.laid_over import laid_over_part

SIDE = 512
"""Longest side of a drawn picture, pixels."""
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Explained:
    """What is said of one picture and one class."""

    input: str
    """What the client calls the picture."""
    task: str
    """Of several questions that of the class, of a cascade the stage; "" = there is but one."""
    label: str
    """The class."""
    places: NDArray[np.float32]
    """(h, w) how much each place speaks for it, from 0 to 1; the most telling is 1, and 0 everywhere where none is."""
    box: Box
    """Left, top, right and bottom of what the places are of, as shares of the picture; see `Preprocess.box`."""
    networks: int
    """How many networks the answer is the mean of; the first of them was asked."""
    picture: bytes
    """A PNG file; see `drawn`."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            "input": self.input,
            "task": self.task,
            "label": self.label,
            "map": self.places.tolist(),
            "box": list(self.box),
            "networks": self.networks,
            "picture": f"data:image/png;base64,{base64.b64encode(self.picture).decode('ascii')}",
        }


def drawn(pixels: Pixels, places: NDArray[np.float32], box: Box) -> bytes:
    """A PNG file of a picture, made no larger than it is, in grey, tinted where places speak for the class.

    Args:
        pixels: (H, W, 3) uint8.
        places: (h, w) from 0 to 1.
        box: What they are of.
    """
    picture = Image.fromarray(pixels)
    picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    Image.fromarray(laid_over_part(np.asarray(picture), places, box)).save(buffer, format="PNG", compress_level=3)
    return buffer.getvalue()
