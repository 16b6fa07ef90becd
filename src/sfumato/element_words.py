"""The elements of a picture in words, as they stand in a prompt: 【风、气压（不确定）】.

Brackets tell them from what else is written of a sample, so that they can be read again.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

BETWEEN = "、"
UNSURE = "不确定"
_MARKED = f"（{UNSURE}）"
_WRITTEN = re.compile(r"【([^】]*)】")


class Element(NamedTuple):
    """One of the things that are shown."""

    name: str
    sure: bool


def written(elements: Sequence[Element]) -> str:
    """The elements in their order, those that are not sure marked so; that nothing is known where there are none."""
    words = [name if sure else name + _MARKED for name, sure in elements]
    return f"【{BETWEEN.join(words) or UNSURE}】"


def find(text: str) -> tuple[list[Element], str, str] | None:
    """The elements in a text, and what stands before and behind them; None where it has none written."""
    match = _WRITTEN.search(text)
    if match is None:
        return None
    words = [] if match[1] == UNSURE else [word for word in match[1].split(BETWEEN) if word]
    elements = [Element(word.removesuffix(_MARKED), not word.endswith(_MARKED)) for word in words]
    return elements, text[: match.start()], text[match.end() :]


def refuse_name(name: str) -> str | None:
    """Why a class can't be written as an element; None = it can."""
    found = next((mark for mark in (BETWEEN, "【", "】", _MARKED) if mark in name), None)
    return None if found is None else f"holds {found}, which stands between elements"
