"""Decoding: the one way a file, bytes, PIL image or array becomes 8-bit RGB, for training and prediction alike."""

import contextlib
import io
import re
from collections.abc import Generator
from pathlib import Path
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from sfumato.data.quiet import quiet
from sfumato.data.shards import source_of
from sfumato.data.signatures import HEAD, begins_like_an_image, name_of

READ = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"),
    *(".avif", ".jp2", ".ppm", ".pgm", ".pbm", ".pnm"),
)
"""Endings of what is decoded."""
SUFFIXES = frozenset({*READ, ".heic", ".heif", ".hif", ".jxl"})
"""Files with these endings (any case) are samples when a folder is read. The last ones no decoder here takes: each is
named as a picture that can't be used, where passing over it would lose it without a word."""

MOST_PIXELS = 100_000_000
"""An image that claims more pixels is refused before it is decoded: a small file can claim any size."""

TOO_LARGE = f"claims more than the {MOST_PIXELS:,} pixels that are accepted"

Source = str | Path | bytes | Image.Image | NDArray[np.generic]
Pixels = NDArray[np.uint8]

_CUT_OFF = re.compile("truncated|unexpected end|end of file|not enough|incomplete|premature", re.IGNORECASE)
"""How decoders say that a file ends too early."""


Code = Literal[
    "missing",
    "no-permission",
    "folder",
    "empty",
    "not-an-image",
    "truncated",
    "unreadable",
    "too-large",
    "float-pixels",
]
"""Why an image can't be used; each is a finding of `sfumato check`."""


class BadImageError(ValueError):
    """An image that can't be used; the text is the reason, fit to stand in a table beside its path."""

    def __init__(self, text: str, code: Code = "unreadable") -> None:
        super().__init__(text)
        self.code: Code = code


def decode(source: Source) -> Pixels:
    """Decode to an (H, W, 3) uint8 array, upright as its EXIF orientation says.

    Transparent pixels become white, 16-bit grey is scaled to 8 bits, of an animation the first frame is taken.

    Args:
        source: A path or an address in a Parquet file, the bytes of a file, a PIL image, or an array (H, W),
            (H, W, 1), (H, W, 3) or (H, W, 4) of uint8, or of floats in 0 to 1.

    Raises:
        BadImageError: Missing, empty, damaged, too large, or of a kind that is no image.
    """
    given = cast(object, source)
    if isinstance(given, np.ndarray):
        return _from_array(cast(NDArray[np.generic], given))
    if isinstance(given, Image.Image):
        with _refused(b""):
            return to_rgb(given)
    if isinstance(given, str | Path | bytes):
        with opened(given) as image:
            return to_rgb(image)
    raise BadImageError(f"a {type(given).__name__}; expected a path, bytes, a PIL image or an array")


def decode_lean(source: str | Path | bytes, least: int | None = None) -> Pixels:
    """The same with no more than is needed: (H, W, 1) of a picture whose file says it is grey, else (H, W, 3).

    Args:
        source: A path, an address in a Parquet file, or the bytes of a file.
        least: Pixels that each side must keep; a JPEG is then decoded at 1/2, 1/4 or 1/8 of its size where that leaves
            as many, as its own transform allows; none = in full.

    Raises:
        BadImageError: As `decode`.
    """
    with opened(source) as image:
        if least is not None:
            image.draft(None, (least, least))
        return to_pixels(image)


@contextlib.contextmanager
def opened(source: str | Path | bytes) -> Generator[Image.Image]:
    """Within the context, the image with its header read and its pixels not; whatever fails is a BadImageError."""
    with _refused(source):
        place = source_of(str(source)) if isinstance(source, str | Path) else source
        with Image.open(_file(place)) as image:
            _refuse_size(image)
            yield image


@contextlib.contextmanager
def _refused(source: str | Path | bytes) -> Generator[None]:
    """Whatever a reader raises within the context becomes a BadImageError."""
    try:
        with quiet():
            yield
    except BadImageError:
        raise
    except MemoryError:
        raise  # says something of the machine, not of the picture
    except UnidentifiedImageError:
        raise _unidentified(_head(source)) from None
    except Exception as error:  # PIL's readers of rare formats raise what they like, and one picture must not stop all
        raise _reason(error) from None


def _reason(error: Exception) -> BadImageError:
    """What went wrong, in words a user knows."""
    known: dict[type[Exception], tuple[str, Code]] = {
        FileNotFoundError: ("no such file", "missing"),
        NotADirectoryError: ("no such file", "missing"),
        IsADirectoryError: ("a folder, not a file", "folder"),
        PermissionError: ("no permission to read it", "no-permission"),
        Image.DecompressionBombError: (TOO_LARGE, "too-large"),
    }
    if type(error) in known:
        return BadImageError(*known[type(error)])
    if isinstance(error, OSError) and error.strerror:
        return BadImageError(f"can't be read: {error.strerror}")
    text = " ".join(str(error).split()) or type(error).__name__
    return BadImageError(f"damaged: {text}", "truncated" if _CUT_OFF.search(text) else "unreadable")


def _file(source: Path | bytes) -> Path | io.BytesIO:
    if isinstance(source, bytes):
        if not source:
            raise BadImageError("empty", "empty")
        return io.BytesIO(source)
    if source.stat().st_size == 0:
        raise BadImageError("empty file", "empty")
    return source


def _head(source: str | Path | bytes) -> bytes:
    if isinstance(source, bytes):
        return source[:HEAD]
    with contextlib.suppress(OSError):
        place = source_of(str(source))
        if isinstance(place, bytes):
            return place[:HEAD]
        with place.open("rb") as file:
            return file.read(HEAD)
    return b""


def _unidentified(head: bytes) -> BadImageError:
    if begins_like_an_image(head):
        return BadImageError("damaged: begins like an image, but its header can't be read")
    known = name_of(head)
    return BadImageError(f"not an image in any known format{f': {known}' if known else ''}", "not-an-image")


def _refuse_size(image: Image.Image) -> None:
    if image.width * image.height > MOST_PIXELS:
        raise BadImageError(TOO_LARGE, "too-large")
    if not image.width * image.height:
        raise BadImageError(f"no pixels: {image.width} x {image.height}")


def to_rgb(image: Image.Image) -> Pixels:
    """The (H, W, 3) uint8 pixels of an image that was opened, as `decode` gives them."""
    return in_colour(to_pixels(image))


def in_colour(pixels: Pixels) -> Pixels:
    """(H, W, 1) or (H, W, 3) uint8 -> (H, W, 3)."""
    return pixels if pixels.shape[2] == 3 else np.repeat(pixels, 3, axis=2)


def to_pixels(image: Image.Image) -> Pixels:
    """The (H, W, 3) uint8 pixels of an image that was opened; (H, W, 1) where its mode is one of grey."""
    _refuse_size(image)
    image.load()  # broken pixels raise here, and only here: a second look at them would find nothing wrong
    with contextlib.suppress(ValueError, TypeError, KeyError, SyntaxError, OSError):  # odd metadata loses no picture
        if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:  # else it would be copied for nothing
            image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16"):
        return _grey(np.asarray(image).astype(np.uint16) >> 8)
    if image.mode == "I":
        deep = np.asarray(image)
        return _grey(np.clip(deep >> 8 if deep.max(initial=0) > 255 else deep, 0, 255))
    if image.mode == "F":
        raise BadImageError("floating-point pixels, whose range is not known", "float-pixels")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image)
    if image.mode in ("1", "L"):
        return _grey(np.asarray(image if image.mode == "L" else image.convert("L")))
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
    return to_rgb(Image.fromarray(np.ascontiguousarray(array)))


def _grey(values: NDArray[np.generic]) -> Pixels:
    return np.array(values, dtype=np.uint8)[:, :, None]
