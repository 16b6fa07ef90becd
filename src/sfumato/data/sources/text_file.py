"""The text of a table file, which is UTF-8; of another encoding it is said which it seems to be."""

import codecs
from pathlib import Path

from sfumato.errors import InputError

MARKS = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}
GUESSES = ("gb18030", "cp1252")
"""Tried in turn: what spreadsheets write in China, and in the west; the first that fits all bytes is named."""


def text_of(path: Path) -> str:
    """The whole text, without a mark at its beginning.

    Raises:
        InputError: Unreadable, or not UTF-8.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", where=str(path)) from None
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        seems = _encoding(data)
        raise InputError(
            f"not UTF-8 text (byte {error.start}){f', but {seems} by the look of it' if seems else ''}",
            where=f"{path}:{line}",
            mend=f"save it as UTF-8, as with `iconv -f {seems or 'ENCODING'} -t UTF-8`",
        ) from None


def _encoding(data: bytes) -> str | None:
    for mark, name in MARKS.items():
        if data.startswith(mark):
            return name
    for name in GUESSES:
        try:
            data.decode(name)
        except UnicodeDecodeError:
            continue
        return name.upper()
    return None
