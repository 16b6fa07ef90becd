"""Titles: what they say, in which letters, and where they are drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sfumato.synthesis.emptiness import Box, occupied
from sfumato.synthesis.fonts import font_for, installed_fonts, lacking, latin_fonts, refuse_lacking
from sfumato.synthesis.spec import TitleSpec
from sfumato.synthesis.words import Naming, Said, spoken, words

AGREES, CONTRADICTS, NONE = "agrees", "contradicts", ""
"""What a copy's title says of its classes; NONE = it has no title."""
_TIMES = {"zh": "{:%Y年%m月%d日%H时}", "en": "{:%Y-%m-%d %H:00}"}
_LETTERS = {"zh": "年月日时、0123456789", "en": ", 0123456789-:"}
_LEAST = 6
"""Pixels of the smallest letters."""
_MOST_HIDDEN = 0.02
"""Share of edges up to which a place is empty: legends and marks are not to be hidden."""
_INKS = ((15, 15, 15), (30, 40, 90), (120, 20, 20), (20, 80, 50))
_PAPERS = ((255, 255, 255), (245, 245, 238), (232, 238, 246))


@dataclass(frozen=True)
class Fonts:
    """Font files of each language, all of which have every letter."""

    of: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...]


def choose_fonts(spec: TitleSpec, named: Sequence[Naming]) -> Fonts:
    """The fonts of a spec, or of this machine where it names none.

    Raises:
        InputError: A font that can't be read or lacks a letter of what may have to be drawn; none that has them all.
    """
    found, notes = dict[str, tuple[str, ...]](), list[str]()
    for language in dict.fromkeys(spec.languages):
        setting = f"titles.fonts_{language}"
        given: tuple[str, ...] = getattr(spec, f"fonts_{language}")
        letters = _letters(spec, named, language)
        for path in given:
            refuse_lacking(path, letters, setting)
        if not given:
            own = latin_fonts() if language == "en" else ()
            given = (
                own
                if own and not any(lacking(path, letters) for path in own)
                else (font_for(letters, installed_fonts(), setting),)
            )
            notes.append(f"{setting}: {', '.join(given)}, of this machine, which have every letter of the titles")
        found[language] = given
    return Fonts(found, tuple(notes))


def _letters(spec: TitleSpec, named: Sequence[Naming], language: str) -> str:
    """Every letter that a title in a language may hold."""
    forms = "".join((*getattr(spec, language), *getattr(spec, f"several_{language}")))
    names = [spoken(label, language) or "" for naming in named for label in naming.labels.labels]
    return "".join(sorted(set(forms.replace("{time}", "").replace("{}", "") + _LETTERS[language] + "".join(names))))


def put_title(
    picture: Image.Image,
    id_: str,
    named: Sequence[Naming],
    fonts: Fonts,
    spec: TitleSpec,
    rng: np.random.Generator,
) -> tuple[Image.Image, dict[str, Any] | None]:
    """A title in its share of the pictures, and what it says where; None = no title.

    It agrees with what is shown in the share that the spec says, and contradicts it in another; of a sample without any
    class both contradict it. A picture too narrow for letters of 6 pixels has none.
    """
    draw = float(rng.random())
    language = spec.languages[int(rng.integers(len(spec.languages)))]
    if draw >= spec.agreeing + spec.contradicting:
        return picture, None
    kind, said = AGREES, words(id_, named, language, rng, right=True) if draw < spec.agreeing else None
    if said is None:
        kind, said = CONTRADICTS, words(id_, named, language, rng, right=False)
    if said is None:
        return picture, None
    text = _phrased(said, language, spec, rng)
    path = fonts.of[language][int(rng.integers(len(fonts.of[language])))]
    pixels = max(_LEAST, round(float(rng.uniform(*spec.size)) * picture.height))
    about = {"text": text, "says": kind, "classes": list(said.label), "language": language, "font": path}
    font = _fitting(text, path, pixels, round(picture.width * 0.96))
    if font is None:
        return picture, None
    picture, where = _drawn(picture, text, font, rng)
    return picture, {**about, **where}


def _phrased(said: Said, language: str, spec: TitleSpec, rng: np.random.Generator) -> str:
    forms: tuple[str, ...] = getattr(spec, f"several_{language}" if said.several else language)
    moment = datetime(2015, 1, 1) + timedelta(hours=3 * int(rng.integers(30_000)))  # a date on paper
    form = forms[int(rng.integers(len(forms)))]
    return form.replace("{time}", _TIMES[language].format(moment)).replace("{}", said.name)


def _drawn(
    picture: Image.Image, text: str, font: ImageFont.FreeTypeFont, rng: np.random.Generator
) -> tuple[Image.Image, dict[str, Any]]:
    """The picture with the title on a plate where it is empty, or, as in half of the draws, on a band above it."""
    wide, high = round(font.getlength(text)), round(font.size * 1.25)
    ink = _INKS[int(rng.integers(len(_INKS)))]
    paper = _PAPERS[int(rng.integers(len(_PAPERS)))]
    over, middled = rng.random() < 0.5, rng.random() < 0.5
    free = _free(picture, (wide + 6, high + 4)) if over else None
    if free is not None:
        box, place = free, "over"
        ImageDraw.Draw(picture).rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill=paper)
    else:
        band = round(high * 1.5)
        taller = Image.new("RGB", (picture.width, picture.height + band), paper)
        taller.paste(picture, (0, band))
        left = (picture.width - wide) // 2 if middled else round(picture.width * 0.02)
        picture, box, place = taller, (left, (band - high) // 2, left + wide, (band + high) // 2), "above"
    middle = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    ImageDraw.Draw(picture).text(middle, text, fill=ink, font=font, anchor="mm")
    return picture, {
        "place": place,
        "box": list(box),
        "pixels": font.size,
        "colour": "#{:02x}{:02x}{:02x}".format(*ink),
    }


@lru_cache(maxsize=64)
def _font(path: str, pixels: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, pixels)


def _fitting(text: str, path: str, pixels: int, widest: int) -> ImageFont.FreeTypeFont | None:
    """The font in the size wanted, or as large as fits; None where that could not be read."""
    wide = _font(path, pixels).getlength(text)
    pixels = pixels if wide <= widest else int(pixels * widest / wide)
    return _font(path, pixels) if pixels >= _LEAST else None


def _free(picture: Image.Image, size: tuple[int, int]) -> Box | None:
    """Of five places at the edge the one with the least in it; None where a title would hide something in all."""
    wide, high = size
    right, bottom = picture.width - wide - 2, picture.height - high - 2
    if right < 2 or bottom < 2:
        return None
    corners = [(2, 2), (right // 2, 2), (right, 2), (right // 2, bottom), (2, bottom)]
    boxes = [(x, y, x + wide, y + high) for x, y in corners]
    shares = occupied(picture, boxes)
    return boxes[int(np.argmin(shares))] if min(shares) <= _MOST_HIDDEN else None
