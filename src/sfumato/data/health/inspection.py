"""One picture is decoded once; everything the checks ask of it is answered then."""

from collections.abc import Callable
from dataclasses import replace
from typing import cast

from PIL import Image

from sfumato.data.addresses import stamp_of
from sfumato.data.duplicates.fingerprint import fingerprint
from sfumato.data.health.facts import Facts, Header
from sfumato.data.health.header import orientation_of, read_header
from sfumato.data.health.measures import look_at
from sfumato.data.images import BadImageError, Pixels, opened, to_rgb

Keep = Callable[[str, Pixels], None]
"""Is given the address and the (H, W, 3) uint8 pixels of each picture that could be decoded."""


def inspect(address: str, keep: Keep | None = None) -> Facts:
    """Everything about the picture at an address; one that can't be used has a code and a problem instead of a look."""
    stamp = stamp_of(address)
    size, mtime = stamp or (None, None)
    header = Header()
    try:
        with opened(address) as image:
            header = read_header(image, address)
            pixels = to_rgb(image)
            transparent = _is_transparent(image)
            header = replace(header, orientation=orientation_of(image))
    except BadImageError as error:
        return Facts(address, size, mtime, error.code, str(error), header)
    if keep is not None:
        keep(address, pixels)
    look = look_at(pixels, transparent=transparent)
    return Facts(address, size, mtime, header=header, look=look, fingerprint=fingerprint(pixels))


def _is_transparent(image: Image.Image) -> bool:
    """Whether any pixel of a loaded image is not opaque; an alpha channel alone does not say so."""
    if not image.has_transparency_data:
        return False
    alpha = image if image.mode in ("RGBA", "LA", "PA") else image.convert("RGBA")
    return cast(tuple[int, int], alpha.getchannel("A").getextrema())[0] < 255
