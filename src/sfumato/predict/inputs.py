"""What a predictor is asked about: pictures, or pictures with texts, decoded as far as they can be."""

from collections.abc import Sequence
from typing import NamedTuple, cast

from sfumato.data.images import BadImageError, Pixels, Source, decode
from sfumato.data.texts import clean
from sfumato.decision.narrowing import SeenElements
from sfumato.shown import PictureUse


class WithText(NamedTuple):
    """An input of a bundle that reads texts."""

    image: Source | Sequence[Source] | None
    """The picture, or several of the same; None = there is none."""
    text: str
    """What is said of it, several texts joined by spaces; "" = nothing."""
    name: str | None = None
    """What it is called in the answers; None = the path of the picture, or its kind and place."""
    elements: SeenElements | None = None
    """What was found in the picture, one row, by which a bundle may narrow its candidates; None = it is not known."""


Input = Source | WithText


class Decoded(NamedTuple):
    """An input as the networks take it."""

    pictures: tuple[Pixels, ...]
    """(H, W, 3) each; empty where there is none, or none that can be used."""
    text: str
    """Cleaned; "" = none."""
    problem: str | None
    """What is wrong with the first picture that can't be used; None = nothing."""

    @property
    def without(self) -> str | None:
        """What a bundle that reads texts had to do without, in words; None = nothing."""
        if not self.pictures:
            return "image" if self.problem is None else f"image ({self.problem})"
        return None if self.text else "text"


def decoded(source: Input, *, seen: PictureUse = "first") -> Decoded:
    """The text of an input and those of its pictures that are looked at, or what is wrong with them."""
    image, text = (source.image, source.text) if isinstance(source, WithText) else (source, "")
    if seen == "none":
        return Decoded((), clean(text), None)
    found = [_picture(one) for one in _several(image)[: None if seen == "mean_pool" else 1]]
    problem = next((one for one in found if isinstance(one, str)), None)
    return Decoded(tuple(one for one in found if not isinstance(one, str)), clean(text), problem)


def _several(image: Source | Sequence[Source] | None) -> Sequence[Source]:
    return () if image is None else image if isinstance(image, list | tuple) else (cast(Source, image),)


def _picture(source: Source) -> Pixels | str:
    """The picture, or what is wrong with it."""
    try:
        return decode(source)
    except BadImageError as error:
        return str(error)


def name_of(source: Input, index: int) -> str:
    """What an input is called in the answers: its path, or its kind and place."""
    if isinstance(source, WithText):
        first = next(iter(_several(source.image)), None)
        return source.name or (f"text {index}" if first is None else name_of(first, index))
    if isinstance(source, str) or hasattr(source, "__fspath__"):
        return str(source).encode(errors="backslashreplace").decode()  # a file's name need not be text, a row's must
    return f"{type(source).__name__} {index}"
