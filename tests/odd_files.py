"""Files that are bad or odd, each made on the spot, with the finding that must name it."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter, features

from tests.pictures import picture

SIZE = 96


def photo(seed: int = 0, size: int = SIZE) -> Image.Image:
    return picture("checks", 90_000 + seed, size)


def encoded(image: Image.Image, form: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def png_chunks(*chunks: tuple[bytes, bytes]) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks)


def raw_png(width: int, height: int, bits: int, colour: int, rows: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return png_chunks((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))


def rgb16_png() -> bytes:
    rows = np.random.default_rng(1).integers(0, 65536, (SIZE, SIZE * 3), dtype=np.uint16)
    return raw_png(SIZE, SIZE, 16, 2, b"".join(b"\0" + row.byteswap().tobytes() for row in rows))


def with_orientation(turn: int) -> bytes:
    image = photo(turn)
    exif = image.getexif()
    exif[274] = turn
    return encoded(image, "JPEG", exif=exif, quality=90)


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def with_alpha(seed: int) -> Image.Image:
    image = photo(seed).convert("RGBA")
    image.putalpha(Image.fromarray((np.arange(SIZE * SIZE) % 256).astype(np.uint8).reshape(SIZE, SIZE)))
    return image


def palette_with_hole() -> bytes:
    return encoded(photo(31).quantize(16), "PNG", transparency=0)


def animation(form: str) -> bytes:
    return encoded(photo(32), form, save_all=True, append_images=[photo(33), photo(34)])


def corrupted_png() -> bytes:
    data = bytearray(encoded(photo(35), "PNG"))
    data[len(data) // 2 : len(data) // 2 + 64] = bytes(64)
    return bytes(data)


def grey(value: int, noise: float = 2.0) -> bytes:
    values = np.random.default_rng(value).normal(value, noise, (SIZE, SIZE, 3))
    return encoded(Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)), "PNG")


def deep_grey() -> bytes:
    values = np.random.default_rng(2).integers(0, 65536, (SIZE, SIZE), dtype=np.uint16)
    return encoded(Image.fromarray(values), "PNG")


ODD: dict[str, tuple[str, Callable[[], bytes], str]] = {
    # what it is: (file name, its bytes, the finding's code)
    "empty file": ("empty.jpg", lambda: b"", "empty"),
    "text": ("notes.jpg", lambda: b"see the other folder\n", "not-an-image"),
    "HTML of a failed download": ("page.jpg", lambda: b"<!DOCTYPE html><title>404</title>", "not-an-image"),
    "Git LFS pointer": (
        "lfs.png",
        lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
        "not-an-image",
    ),
    "SVG": ("drawing.png", lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not-an-image"),
    "PDF": ("scan.jpg", lambda: b"%PDF-1.7\n", "not-an-image"),
    "HEIC": ("phone.jpg", lambda: b"\0\0\0\x18ftypheic" + bytes(40), "not-an-image"),
    "HEIC by its ending too": ("phone.heic", lambda: b"\0\0\0\x18ftyphevc" + bytes(40), "not-an-image"),
    "JPEG XL": ("next.jxl", lambda: b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(40), "not-an-image"),
    "AVIF of nothing": ("nothing.avif", lambda: b"\0\0\0\x18ftypavif" + bytes(40), "not-an-image"),
    "zeros": ("zeros.jpg", lambda: bytes(5000), "not-an-image"),
    "cut-off JPEG": ("half.jpg", lambda: half(encoded(photo(1), "JPEG")), "truncated"),
    "cut-off PNG": ("half.png", lambda: half(encoded(photo(2), "PNG")), "truncated"),
    "cut-off BMP": ("half.bmp", lambda: half(encoded(photo(3), "BMP")), "truncated"),
    "JPEG header alone": ("head.jpg", lambda: encoded(photo(4), "JPEG")[:20], "unreadable"),
    "WebP cut off": ("half.webp", lambda: half(encoded(photo(5), "WEBP")), "unreadable"),
    "corrupted PNG": ("noise.png", corrupted_png, "unreadable"),
    "bomb": ("bomb.png", lambda: raw_png(60_000, 60_000, 8, 2, b"\0"), "too-large"),
    "floats": ("floats.tif", lambda: encoded(Image.fromarray(np.ones((9, 9), np.float32)), "TIFF"), "float-pixels"),
    "PNG named .jpg": ("really_png.jpg", lambda: encoded(photo(6), "PNG"), "wrong-extension"),
    "JPEG named .png": ("really_jpeg.png", lambda: encoded(photo(7), "JPEG", quality=95), "wrong-extension"),
    "WebP named .jpeg": ("really_webp.jpeg", lambda: encoded(photo(8), "WEBP", lossless=True), "wrong-extension"),
    "animated GIF": ("moving.gif", lambda: animation("GIF"), "animated"),
    "animated PNG": ("moving.png", lambda: animation("PNG"), "animated"),
    "animated WebP": ("moving.webp", lambda: animation("WEBP"), "animated"),
    "TIFF of several pages": ("pages.tif", lambda: animation("TIFF"), "animated"),
    "CMYK JPEG": ("print.jpg", lambda: encoded(photo(9).convert("CMYK"), "JPEG"), "cmyk"),
    "CMYK TIFF": ("print.tif", lambda: encoded(photo(10).convert("CMYK"), "TIFF"), "cmyk"),
    "turned by EXIF": ("turned.jpg", lambda: with_orientation(6), "rotated"),
    "mirrored by EXIF": ("mirrored.jpg", lambda: with_orientation(2), "rotated"),
    "16-bit grey PNG": ("deep.png", deep_grey, "sixteen-bit"),
    "16-bit colour PNG": ("deep_colour.png", rgb16_png, "sixteen-bit"),
    "RGBA": ("glass.png", lambda: encoded(with_alpha(11), "PNG"), "transparent"),
    "palette with a transparent colour": ("hole.png", palette_with_hole, "transparent"),
    "WebP with alpha": ("glass.webp", lambda: encoded(with_alpha(12), "WEBP", lossless=True), "transparent"),
    "very wide": ("wide.png", lambda: encoded(photo(13, 480).resize((480, 60)), "PNG"), "extreme-aspect"),
    "very high": ("high.png", lambda: encoded(photo(14, 480).resize((60, 480)), "PNG"), "extreme-aspect"),
    "8 x 8 pixels": ("tiny.png", lambda: encoded(photo(15, 8), "PNG"), "tiny"),
    "1 x 1 pixel": ("dot.gif", lambda: encoded(Image.new("RGB", (1, 1), (90, 60, 30)), "GIF"), "tiny"),
    "50 megapixels": ("huge.png", lambda: raw_png(10_000, 5_000, 1, 0, (b"\0" + b"\xa5" * 1250) * 5_000), "huge"),
    "black": ("black.png", lambda: encoded(Image.new("RGB", (SIZE, SIZE)), "PNG"), "dark"),
    "nearly black": ("night.png", lambda: grey(12), "dark"),
    "nearly white": ("snow.png", lambda: grey(252), "bright"),
    "one colour": ("plain.png", lambda: encoded(Image.new("RGB", (SIZE, SIZE), (180, 90, 40)), "PNG"), "uninformative"),
    "blurred": (
        "soft.png",
        lambda: encoded(picture("disc", 90_016, SIZE).filter(ImageFilter.GaussianBlur(5)), "PNG"),
        "blurry",
    ),
}

FINE: dict[str, tuple[str, Callable[[], bytes]]] = {
    # what must not be named, though it looks like it
    "RGBA, all of it opaque": ("opaque.png", lambda: encoded(photo(40).convert("RGBA"), "PNG")),
    "GIF of one frame": ("still.gif", lambda: encoded(photo(41), "GIF")),
    ".JPG in capitals": ("CAPITALS.JPG", lambda: encoded(photo(42), "JPEG", quality=90)),
    "grey JPEG": ("grey.jpg", lambda: encoded(photo(43).convert("L"), "JPEG", quality=90)),
    "EXIF that says upright": ("upright.jpg", lambda: with_orientation(1)),
    "progressive JPEG": ("progressive.jpg", lambda: encoded(photo(44), "JPEG", progressive=True, quality=90)),
    "JPEG named .jfif": ("saved.jfif", lambda: encoded(photo(200), "JPEG", quality=90)),
    "JPEG named .jpe": ("saved.jpe", lambda: encoded(photo(208), "JPEG", quality=90)),
    "PPM": ("plain.ppm", lambda: encoded(photo(211), "PPM")),
    "palette": ("palette.png", lambda: encoded(photo(45).quantize(64), "PNG")),
    "odd EXIF": ("odd_exif.jpg", lambda: encoded(photo(46), "JPEG", exif=b"Exif\0\0nonsense", quality=90)),
}


if features.check("avif"):
    FINE["AVIF"] = ("small.avif", lambda: encoded(photo(217), "AVIF", quality=95))


def write_all(folder: Path) -> None:
    """Every odd and every fine file into one folder."""
    folder.mkdir(parents=True)
    for name, data, *_ in (*ODD.values(), *FINE.values()):
        (folder / name).write_bytes(data())
