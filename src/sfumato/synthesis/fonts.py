"""Fonts: one that has not every letter it is to draw would draw boxes, and is refused."""

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from matplotlib import font_manager, get_data_path
from matplotlib.ft2font import FT2Font

from sfumato.errors import InputError

PLACEHOLDERS = 250_000
"""A font that claims so many code points (LastResort) draws a box for each; Unicode has fewer letters."""
MEND = "name a font that has them, such as wqy-microhei.ttc of Debian's fonts-wqy-microhei"


@lru_cache(maxsize=256)
def letters_of(path: str) -> frozenset[int]:
    """Code points that a font file has a glyph for; of a collection, its first face.

    Raises:
        InputError: No such file, or no font.
    """
    if not Path(path).is_file():
        raise InputError("no such font", where=path, expected="a .ttf, .otf or .ttc file")
    try:
        found = frozenset(FT2Font(path).get_charmap())
    except (RuntimeError, OSError, ValueError):
        raise InputError("not a font that can be read", where=path, expected="a .ttf, .otf or .ttc file") from None
    return found if len(found) < PLACEHOLDERS else frozenset()


def lacking(path: str, text: str) -> str:
    """Letters of a text that a font has not, each once, in the order of the text; white space aside."""
    there = letters_of(path)
    return "".join(dict.fromkeys(letter for letter in text if ord(letter) not in there and not letter.isspace()))


def refuse_lacking(path: str, text: str, setting: str) -> None:
    """Refuse a font that has not every letter of a text.

    Raises:
        InputError: With the letters it lacks.
    """
    missing = lacking(path, text)
    if missing:
        shown = ", ".join(f"{letter} (U+{ord(letter):04X})" for letter in missing[:5])
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise InputError(f"has no glyph for {shown}{more}", where=path, setting=setting, mend=MEND)


def installed_fonts() -> list[str]:
    """Files of the fonts of this machine."""
    return [*font_manager.findSystemFonts(), *latin_fonts()]


def latin_fonts() -> tuple[str, ...]:
    """Three fonts of European letters that matplotlib brings."""
    own = Path(get_data_path()) / "fonts" / "ttf"
    return tuple(str(own / f"{name}.ttf") for name in ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif"))


def font_for(text: str, paths: Iterable[str], setting: str) -> str:
    """The first of several fonts that has every letter of a text, by name of its file.

    Raises:
        InputError: None has; of one font alone, what it lacks.
    """
    given = sorted(set(paths), key=lambda path: (Path(path).name, path))
    if len(given) == 1:
        refuse_lacking(given[0], text, setting)
        return given[0]
    for path in given:
        try:
            if not lacking(path, text):
                return path
        except InputError:
            continue  # of many that are installed, some may be broken
    raise InputError(f"none of {len(given)} fonts has every letter of the titles", setting=setting, mend=MEND)
