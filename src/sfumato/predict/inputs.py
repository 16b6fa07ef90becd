"""What a predictor is asked about: pictures, or pictures with texts, decoded as far as they can be."""

from typing import NamedTuple

from sfumato.data.images import BadImageError, Pixels, Source, decode
from sfumato.data.texts import clean


class WithText(NamedTuple):
    """An input of a bundle that reads texts."""

    image: Source | None
    """The picture; None = there is none."""
    text: str
    """What is said of it, several texts joined by spaces; "" = nothing."""
    name: str | None = None
    """What it is called in the answers; None = the path of the picture, or its kind and place."""


Input = Source | WithText


class Decoded(NamedTuple):
    """An input as the networks take it."""

    picture: Pixels | None
    """(H, W, 3); None = there is none, or none that can be used."""
    text: str
    """Cleaned; "" = none."""
    problem: str | None
    """What is wrong with the picture; None = nothing."""

    @property
    def without(self) -> str | None:
        """What a bundle that reads texts had to do without, in words; None = nothing."""
        if self.picture is None:
            return "image" if self.problem is None else f"image ({self.problem})"
        return None if self.text else "text"


def decoded(source: Input) -> Decoded:
    """The picture and the text of an input, or what is wrong with its picture."""
    image, text, _ = source if isinstance(source, WithText) else (source, "", None)
    if image is None:
        return Decoded(None, clean(text), None)
    try:
        return Decoded(decode(image), clean(text), None)
    except BadImageError as error:
        return Decoded(None, clean(text), str(error))


def name_of(source: Input, index: int) -> str:
    """What an input is called in the answers: its path, or its kind and place."""
    if isinstance(source, WithText):
        return source.name or (f"text {index}" if source.image is None else name_of(source.image, index))
    if isinstance(source, str) or hasattr(source, "__fspath__"):
        return str(source).encode(errors="backslashreplace").decode()  # a file's name need not be text, a row's must
    return f"{type(source).__name__} {index}"
