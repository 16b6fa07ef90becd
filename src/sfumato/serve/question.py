"""What a request asks, one input after the other, each within the limits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sfumato.data.images import BadImageError, opened
from sfumato.predict.inputs import WithText
from sfumato.serve.refusal import Refusal
from sfumato.serve.settings import ServeSettings

LONGEST_NAME = 255
"""Characters of what an input is called; what is beyond is left out."""


@dataclass(frozen=True)
class Part:
    """An input as a client sent it; nothing in it names a file or an address that would be opened."""

    pictures: tuple[bytes, ...]
    """Contents of files."""
    text: str | None
    """None = the client said nothing of it."""
    name: str | None
    """What the client calls it, which is said back and never opened."""


What = TypeVar("What")


@dataclass(frozen=True)
class Question(Generic[What]):
    """What one worker is asked at once: an input as the predictor takes it, or what more is wanted of it."""

    what: What
    pixels: int
    """What its pictures claim together, before they are decoded; 0 for those that can't be read."""


def questions(parts: Sequence[Part], settings: ServeSettings, *, reads_texts: bool) -> list[Question[WithText]]:
    """One question an input, in order.

    Args:
        parts: What the client sent.
        settings: With the limits.
        reads_texts: Whether the bundle does.

    Raises:
        Refusal: Nothing is asked, a limit is passed, or a text is given to a bundle that reads none.
    """
    if not parts:
        raise Refusal(422, "nothing_asked", "no input; expected one or more pictures in `files`, or `inputs` in JSON")
    refuse_count(max(len(parts), sum(len(part.pictures) for part in parts)), settings)
    return [_question(part, place, settings, reads_texts=reads_texts) for place, part in enumerate(parts)]


def refuse_count(count: int, settings: ServeSettings) -> None:
    """Refuse more files than a request may have."""
    if count > settings.files:
        most = "one file" if settings.files == 1 else f"{settings.files} files"
        reason = f"more than {most} in a request; send them in several"
        raise Refusal(413, "too_many_files", reason)


def _question(part: Part, place: int, settings: ServeSettings, *, reads_texts: bool) -> Question[WithText]:
    name = (part.name or f"input {place}")[:LONGEST_NAME]
    if part.text is not None and not reads_texts:
        raise Refusal(422, "texts_not_read", f"a text for {name}; this bundle reads none")
    if part.text is not None and len(part.text) > settings.characters:
        reason = f"a text of {len(part.text):,} characters for {name}; expected at most {settings.characters:,}"
        raise Refusal(413, "text_too_long", reason)
    most = round(settings.megapixels * 1e6)
    pixels = sum(_claimed(picture, name, most) for picture in part.pictures)
    if pixels > most:
        reason = f"the pictures of {name} claim {pixels:,} pixels together; expected at most {most:,}"
        raise Refusal(413, "too_many_pixels", reason)
    return Question(WithText(list(part.pictures) or None, part.text or "", name), pixels)


def _claimed(picture: bytes, name: str, most: int) -> int:
    """Pixels that a picture claims; 0 where it can't be read, which its row will say."""
    try:
        with opened(picture) as image:
            width, height = image.size
    except BadImageError as error:
        if error.code != "too-large":
            return 0
        raise Refusal(413, "too_many_pixels", f"{name} {error}; expected at most {most:,}") from None
    if width * height > most:
        reason = f"{name} claims {width:,} x {height:,} pixels; expected at most {most:,}"
        raise Refusal(413, "too_many_pixels", reason)
    return width * height
