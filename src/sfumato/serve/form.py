"""A request as a form: pictures in fields `files`, and a text for each in fields `texts`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, MultipartState, parse_options_header

from sfumato.serve.question import LONGEST_NAME, Part, refuse_count
from sfumato.serve.refusal import Refusal
from sfumato.serve.settings import ServeSettings

FILES, TEXTS = "files", "texts"


def broken(what: str) -> Refusal:
    """A form that is none."""
    return Refusal(400, "broken_form", f"not a form: {what}")


@dataclass
class _Field:
    """A field as far as it has come."""

    headers: dict[str, str] = field(default_factory=dict[str, str])
    content: bytearray = field(default_factory=bytearray)

    @property
    def options(self) -> dict[bytes, bytes]:
        """Of its disposition."""
        return parse_options_header(self.headers.get("content-disposition"))[1]

    @property
    def name(self) -> str:
        """`files`, `texts`, or what else it calls itself."""
        return self.options.get(b"name", b"").decode("utf-8", "replace")

    @property
    def filename(self) -> str | None:
        """What the client calls the file."""
        given = self.options.get(b"filename")
        return None if given is None else given.decode("utf-8", "replace")


class Form:
    """Reads a form chunk by chunk, into memory alone.

    Args:
        content_type: The request's header, which names the boundary.
        settings: With the limits.
        more: Names of texts that may stand beside the pictures, once each.

    Raises:
        Refusal: No boundary, or one that is none.
    """

    def __init__(self, content_type: str, settings: ServeSettings, more: tuple[str, ...] = ()) -> None:
        self._settings, self._fields, self._more = settings, list[_Field](), more
        self._header, self._value = bytearray(), bytearray()
        boundary = parse_options_header(content_type)[1].get(b"boundary")
        if not boundary:
            raise broken("its type names no boundary")
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._header_part,
                    "on_header_value": self._value_part,
                    "on_header_end": self._header_end,
                    "on_part_data": self._data,
                },
            )
        except FormParserError as error:
            raise broken(str(error)) from None

    def feed(self, chunk: bytes) -> None:
        """Read on.

        Raises:
            Refusal: It is no form, or has too many fields.
        """
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise broken(str(error)) from None

    def parts(self) -> list[Part]:
        """The inputs that it holds.

        Raises:
            Refusal: It is cut off, has a field of another name, or not as many texts as files.
        """
        if self._parser.state != MultipartState.END:
            raise broken("it is cut off")
        unknown = next((one.name for one in self._fields if one.name not in (FILES, TEXTS, *self._more)), None)
        if unknown is not None:
            beside = ", ".join(f"`{name}`" for name in (TEXTS, *self._more))
            raise Refusal(422, "unknown_field", f"a field {unknown!r}; expected `{FILES}`, or {beside} beside them")
        files = [one for one in self._fields if one.name == FILES]
        texts = [_text(one.content) for one in self._fields if one.name == TEXTS]
        return list(_paired(files, texts))

    def said(self, name: str) -> str | None:
        """One of the other texts; None where it is not there.

        Raises:
            Refusal: It stands there twice, or is no text, or too long for a name.
        """
        found = [one.content for one in self._fields if one.name == name]
        if len(found) > 1:
            raise Refusal(422, "wrong_form", f"`{name}` stands there {len(found)} times; expected it once")
        if found and len(found[0]) > LONGEST_NAME:
            raise Refusal(422, "wrong_form", f"`{name}` is too long; expected a name")
        return _text(found[0]) if found else None

    def _begin(self) -> None:
        inputs = max(0, len(self._fields) - len(self._more)) // 2  # a file and a text each
        refuse_count(1 + inputs, self._settings)
        self._fields.append(_Field())

    def _header_part(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _value_part(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._fields[-1].headers[self._header.decode("latin-1").lower()] = self._value.decode("latin-1")
        self._header, self._value = bytearray(), bytearray()

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._fields[-1].content += memoryview(data)[start:end]


def _paired(files: Sequence[_Field], texts: Sequence[str]) -> Iterator[Part]:
    if texts and len(texts) != len(files):
        reason = f"{len(texts)} texts for {len(files)} files; expected one each, empty where there is none"
        raise Refusal(422, "texts_not_paired", reason)
    said: Sequence[str | None] = texts or [None] * len(files)
    for file, text in zip(files, said, strict=True):
        yield Part((bytes(file.content),), text, file.filename)


def _text(content: bytearray) -> str:
    try:
        return cast(bytes, content).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refusal(422, "not_text", f"a text that is not UTF-8 (byte {error.start})") from None
