"""What a file is by its first bytes, for those that no image decoder takes."""

HEAD = 64
"""Bytes that are looked at."""

_IMAGES = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"BM", b"II*\0", b"MM\0*")

_OTHERS = (
    (0, b"<!doctype html", "an HTML page, as a failed download leaves it"),
    (0, b"<html", "an HTML page, as a failed download leaves it"),
    (0, b"<?xml", "XML or SVG"),
    (0, b"<svg", "an SVG drawing"),
    (0, b"version https://git-lfs", "a Git LFS pointer; `git lfs pull` fetches the picture"),
    (0, b"%pdf", "a PDF"),
    (0, b"pk\x03\x04", "a ZIP archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (4, b"ftyphei", "a HEIC photograph; save it as JPEG"),
    (4, b"ftyphev", "a HEIC photograph; save it as JPEG"),
    (4, b"ftypmif", "a HEIF photograph; save it as JPEG"),
    (4, b"ftypmsf", "a HEIF photograph; save it as JPEG"),
    (4, b"ftypavi", "an AVIF picture that is damaged, or Pillow is older than 11.3"),
    (0, b"\xff\x0a", "a JPEG XL picture; save it as JPEG or PNG"),
    (4, b"jxl \r\n\x87\n", "a JPEG XL picture; save it as JPEG or PNG"),
    (4, b"ftyp", "a video"),
    (0, b"\x1a\x45\xdf\xa3", "a video"),
    (0, b"\x93numpy", "a NumPy array"),
)


def begins_like_an_image(head: bytes) -> bool:
    """Whether the first bytes are those of JPEG, PNG, GIF, BMP, TIFF or WebP."""
    return head.startswith(_IMAGES) or (head.startswith(b"RIFF") and head[8:12] == b"WEBP")


def name_of(head: bytes) -> str | None:
    """What a file is that is no image; None where it is not known."""
    text = head.lower().lstrip(b"\xef\xbb\xbf \r\n\t")
    return next((name for place, mark, name in _OTHERS if text[place:].startswith(mark)), None)
