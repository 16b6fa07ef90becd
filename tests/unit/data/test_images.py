import io
import threading
import warnings

import numpy as np
import pytest
from PIL import Image

from sfumato.data import images, quiet
from sfumato.data.images import MOST_PIXELS, BadImageError, decode

RGB = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


def encoded(image: Image.Image, form: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def bomb() -> bytes:
    """A PNG of 60,000 x 60,000 by its header, and 100 bytes long."""
    import struct
    import zlib

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def test_every_source_of_one_picture_gives_the_same_pixels(tmp_path):
    path = tmp_path / "气压场.png"
    path.write_bytes(encoded(Image.fromarray(RGB)))
    sources = [path, str(path), path.read_bytes(), Image.fromarray(RGB), RGB, RGB / 255.0]
    for source in sources:
        assert np.array_equal(decode(source), RGB)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: Image.fromarray(RGB[:, :, 0]), (20, 30)),
        (lambda: Image.fromarray(RGB).convert("P"), (20, 30)),
        (lambda: Image.fromarray(RGB).convert("1"), (20, 30)),
        (lambda: Image.fromarray(RGB).convert("CMYK"), (20, 30)),
        (lambda: Image.fromarray(RGB).convert("YCbCr"), (20, 30)),
        (lambda: Image.fromarray(RGB).convert("LA"), (20, 30)),
        (lambda: Image.fromarray(RGB).convert("I"), (20, 30)),
    ],
)
def test_every_mode_becomes_rgb(make, expected):
    pixels = decode(make())
    assert pixels.shape == (*expected, 3)
    assert pixels.dtype == np.uint8


def test_sixteen_bits_are_scaled_not_clipped():
    deep = np.linspace(0, 65535, 600).astype(np.uint16).reshape(20, 30)
    pixels = decode(encoded(Image.fromarray(deep)))
    assert pixels[:, :, 0] == pytest.approx(deep / 256, abs=1)


def test_transparent_pixels_become_white():
    clear = np.zeros((4, 4, 4), dtype=np.uint8)
    assert (decode(clear) == 255).all()
    assert (decode(encoded(Image.fromarray(clear))) == 255).all()


def test_exif_orientation_is_followed():
    image = Image.fromarray(RGB)
    exif = image.getexif()
    exif[274] = 6
    assert decode(encoded(image, "JPEG", exif=exif)).shape == (30, 20, 3)


def test_first_frame_of_an_animation():
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    assert (decode(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))[0, 0] == [255, 0, 0]).all()


JPEG = encoded(Image.fromarray(RGB).resize((300, 200)), "JPEG")
BAD = {
    "no such file": (lambda folder: folder / "missing.png", "no such file"),
    "empty file": (lambda folder: write(folder, b""), "empty file"),
    "no bytes": (lambda folder: b"", "empty"),
    "a folder": (lambda folder: folder, "a folder, not a file"),
    "text": (lambda folder: write(folder, b"hello"), "not an image in any known format"),
    "cut-off JPEG": (lambda folder: write(folder, JPEG[: len(JPEG) // 2]), "damaged"),
    "cut-off PNG": (lambda folder: encoded(Image.fromarray(RGB))[:200], "damaged"),
    "header only": (lambda folder: JPEG[:30], "not an image|damaged"),
    "zeroed middle of a PNG": (lambda folder: zeroed(encoded(Image.linear_gradient("L"))), "damaged"),
    "bomb": (lambda folder: bomb(), f"more than the {MOST_PIXELS:,} pixels"),
    "float pixels": (lambda folder: Image.fromarray(RGB[:, :, 0].astype(np.float32)), "floating-point"),
    "wrong shape": (lambda folder: np.zeros((2, 3, 4, 5), dtype=np.uint8), "array of shape"),
    "no pixels": (lambda folder: np.zeros((0, 3, 3), dtype=np.uint8), "array of shape"),
    "two channels": (lambda folder: np.zeros((4, 4, 2), dtype=np.uint8), "array of shape"),
    "signed array": (lambda folder: np.zeros((4, 4), dtype=np.int32), "array of int32"),
    "floats out of range": (lambda folder: np.full((4, 4), 7.0), "outside 0 to 1"),
    "NaN": (lambda folder: np.full((4, 4), np.nan), "outside 0 to 1"),
    "unknown DDS": (lambda folder: unknown_dds(), "damaged: Unimplemented pixel format"),
    "cut-off PIL image": (lambda folder: Image.open(io.BytesIO(JPEG[: len(JPEG) // 2])), "damaged"),
    "PIL image without pixels": (lambda folder: Image.new("RGB", (0, 3)), "no pixels: 0 x 3"),
    "huge PIL image": (lambda folder: Image.new("1", (20_000, 6_000)), f"more than the {MOST_PIXELS:,} pixels"),
    "nothing": (lambda folder: None, "a NoneType; expected a path, bytes, a PIL image or an array"),
    "an open file": (lambda folder: io.BytesIO(JPEG), "a BytesIO; expected a path"),
    "a long name": (lambda folder: folder / ("x" * 300), "can't be read: File name too long"),
    "a name with NUL": (lambda folder: "a\0b.png", "damaged"),
}


def unknown_dds() -> bytes:
    """A DDS of a pixel format there is none of, for which PIL raises NotImplementedError."""
    spoilt = bytearray(encoded(Image.fromarray(RGB), "DDS"))
    spoilt[80], spoilt[84] = 132, 23
    return bytes(spoilt)


def write(folder, content: bytes):
    path = folder / "bad.jpg"
    path.write_bytes(content)
    return path


def zeroed(content: bytes) -> bytes:
    return content[:43] + bytes(40) + content[83:]


@pytest.mark.parametrize("name", BAD)
def test_bad_images_say_why(name, tmp_path):
    make, reason = BAD[name]
    with pytest.raises(BadImageError, match=reason) as caught:
        decode(make(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", [RuntimeError, NotImplementedError, TypeError, IndexError, KeyError, RecursionError])
def test_whatever_a_reader_of_a_rare_format_raises_is_a_bad_image(monkeypatch, kind):
    def read(*_, **__):
        raise kind("no\nsuch thing")

    monkeypatch.setattr(Image, "open", read)
    with pytest.raises(BadImageError, match="damaged: .*no") as caught:
        decode(b"anything")
    assert "\n" not in str(caught.value)


def test_a_full_memory_is_no_bad_image(monkeypatch):
    def read(*_, **__):
        raise MemoryError

    monkeypatch.setattr(Image, "open", read)
    with pytest.raises(MemoryError):
        decode(b"anything")


def test_threads_leave_the_filters_of_warnings_as_they_were(monkeypatch):
    before, to_rgb = list(warnings.filters), images.to_rgb
    second_is_in, first_is_out = threading.Event(), threading.Event()

    def first_out_before_second(source):
        name = threading.current_thread().name
        if name == "first":
            assert second_is_in.wait(10)
        elif name == "second":
            second_is_in.set()
            assert first_is_out.wait(10)
        return to_rgb(source)

    def work():
        decode(encoded(Image.fromarray(RGB)))
        first_is_out.set()

    monkeypatch.setattr(images, "to_rgb", first_out_before_second)
    threads = [threading.Thread(target=work, name=name) for name in ("first", "second")]
    threads[0].start()
    while not quiet._Filters.users:
        pass
    threads[1].start()
    for thread in threads:
        thread.join()
    assert list(warnings.filters) == before


def test_only_warnings_of_pil_are_kept_quiet(monkeypatch):
    def warn(source):
        warnings.warn_explicit("odd metadata", UserWarning, "x.py", 1, module="PIL.TiffImagePlugin")
        warnings.warn("ours", UserWarning, stacklevel=1)

    monkeypatch.setattr(images, "to_rgb", warn)
    with pytest.warns(UserWarning, match="ours") as seen:
        decode(encoded(Image.fromarray(RGB)))
    assert len(seen) == 1
