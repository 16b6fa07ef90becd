"""Decoding: the one way a file, bytes, PIL image or array becomes 8-bit RGB, for training and prediction alike."""

import contextlib
import io
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from sfumato.data.shards import source_of

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"})
"""Files with these endings (any case) are taken for images when a folder is read."""

MOST_PIXELS = 100_000_000
"""An image that claims more pixels is refused before it is decoded: a small file can claim any size."""

TOO_LARGE = f"claims more than the {MOST_PIXELS:,} pixels that are accepted"

Source = str | Path | bytes | Image.Image | NDArray[np.generic]
Pixels = NDArray[np.uint8]


class BadImageError(ValueError):
    """An image that can't be used; the text is the reason, fit to stand in a table beside its path."""


def decode(source: Source) -> Pixels:
    """Decode to an (H, W, 3) uint8 array, upright as its EXIF orientation says.

    Transparent pixels become white, 16-bit grey is scaled to 8 bits, of an animation the first frame is taken.

    Args:
        source: A path or an address in a Parquet file, the bytes of a file, a PIL image, or an array (H, W),
            (H, W, 1), (H, W, 3) or (H, W, 4) of
            uint8, or of floats in 0 to 1.

    Raises:
        BadImageError: Missing, empty, damaged, too large, or of a kind that is no image.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        return _to_rgb(source)
    try:
        if isinstance(source, str | Path):
            source = source_of(str(source))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PIL warns of odd metadata; what matters here is whether pixels come out
            return _decode_file(source)
    except (FileNotFoundError, NotADirectoryError):
        raise BadImageError("no such file") from None
    except IsADirectoryError:
        raise BadImageError("a folder, not a file") from None
    except PermissionError:
        raise BadImageError("no permission to read it") from None
    except UnidentifiedImageError:
        raise BadImageError("not an image in any known format") from None
    except Image.DecompressionBombError:
        raise BadImageError(TOO_LARGE) from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        if isinstance(error, BadImageError):
            raise
        raise BadImageError(f"damaged: {_one_line(error)}") from None


def _decode_file(source: str | Path | bytes) -> Pixels:
    if isinstance(source, bytes):
        if not source:
            raise BadImageError("empty")
        file: Path | io.BytesIO = io.BytesIO(source)
    else:
        file = Path(source)
        if file.stat().st_size == 0:
            raise BadImageError("empty file")
    with Image.open(file) as image:
        if image.width * image.height > MOST_PIXELS:
            raise BadImageError(TOO_LARGE)
        return _to_rgb(image)


def _to_rgb(image: Image.Image) -> Pixels:
    image.load()  # broken pixels raise here, and only here: a second look at them would find nothing wrong
    with contextlib.suppress(ValueError, TypeError, KeyError, SyntaxError, OSError):  # odd metadata loses no picture
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16"):
        return _grey(np.asarray(image).astype(np.uint16) >> 8)
    if image.mode == "I":
        deep = np.asarray(image)
        return _grey(np.clip(deep >> 8 if deep.max(initial=0) > 255 else deep, 0, 255))
    if image.mode == "F":
        raise BadImageError("floating-point pixels, whose range is not known")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image)
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))


def _from_array(array: NDArray[np.generic]) -> Pixels:
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.size == 0 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise BadImageError(f"array of shape {array.shape}; expected (H, W), (H, W, 3) or (H, W, 4)")
    if np.issubdtype(array.dtype, np.floating):
        values = array.astype(np.float64)
        if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
            raise BadImageError("array of floats outside 0 to 1")
        array = np.rint(values * 255).astype(np.uint8)
    if array.dtype != np.uint8:
        raise BadImageError(f"array of {array.dtype}; expected uint8, or floats in 0 to 1")
    return _to_rgb(Image.fromarray(np.ascontiguousarray(array)))


def _grey(values: NDArray[np.generic]) -> Pixels:
    return np.repeat(values.astype(np.uint8)[:, :, None], 3, axis=2)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
