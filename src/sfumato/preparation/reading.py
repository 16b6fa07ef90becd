"""What is worth knowing of the texts a model is to read: how many are cut off, and whether they name the class."""

import re
from collections.abc import Sequence

import numpy as np

from sfumato.data.table import Table
from sfumato.models.image_text import ImageText
from sfumato.models.network import Network
from sfumato.models.text_only import TextOnly
from sfumato.models.transformers_text import Encoder

TELLING = 0.05
"""Share of the samples whose text names their class from which on it is worth a warning."""
NAMED = "the name of their class stands in the text of "
CLIPS = 77
"""Tokens that CLIP reads, whatever it is asked."""
SHORTEST = 3
"""Letters of a class's name that is looked for, if they are all ASCII: shorter ones stand in many texts by chance."""


def window_notes(model: Network, table: Table) -> list[str]:
    """A line on how long the texts are, in tokens, and how many of them are cut off. Tokens are computed once a run."""
    if not isinstance(model, ImageText | TextOnly) or not table.texts:
        return []
    there = [text for text in table.texts if text]
    if not there:
        return ["model.text: no sample has a text"]
    lengths, window = np.array([model.reader.tokens.length(text) for text in there]), model.text.window
    cut = int((lengths > window).sum())
    share = (
        f"{cut} of {len(there)} texts ({cut / len(there):.1%}) are longer than its {window} tokens and cut off there"
    )
    long = f"{int(np.median(lengths))} is the median, {int(lengths.max())} the most"
    if isinstance(model.text, Encoder) and window > CLIPS:
        beyond = int((lengths > CLIPS).sum())
        long += f"; {beyond} ({beyond / len(there):.1%}) are longer than the {CLIPS} that CLIP reads"
    without = len(table) - len(there)
    return [f"model.text: {share}; {long}" + (f"; {without} samples have no text" if without else "")]


def about_texts(notes: Sequence[str]) -> list[str]:
    """Of a run's notes and warnings those on its texts."""
    return [note for note in notes if note.startswith(("model.text: ", NAMED))]


def telling_texts(table: Table) -> tuple[str, ...]:
    """A warning where the name of its class stands in the text of many samples."""
    if not table.texts or table.layout.multilabel:
        return ()
    found: list[str] = []
    for task in table.questions:
        names = {target: _pattern(name) for target, name in enumerate(task.labels.names)}
        targets, texts = table.targets_of(task).tolist(), table.texts
        named = [
            row for row, (target, text) in enumerate(zip(targets, texts, strict=True)) if _stands(names, target, text)
        ]
        if len(named) >= max(3, TELLING * len(table)):
            first = int(targets[named[0]])
            found.append(_said(table, named, task.labels.names[first]))
    return tuple(found)


def _said(table: Table, named: Sequence[int], name: str) -> str:
    share, first = len(named) / len(table), table.ids[named[0]]
    what = f"{NAMED}{share:.0%} of the samples, such as {name!r} in that of {first}"
    return f"{what}: scores hold only where texts that are yet to come will name it too"


def _stands(names: dict[int, re.Pattern[str] | None], target: int, text: str) -> bool:
    pattern = names.get(target)
    return pattern is not None and pattern.search(text.casefold()) is not None


def _pattern(name: str) -> re.Pattern[str] | None:
    """What finds a class's name as a word of its own; None where it is too short to mean anything."""
    if name.isascii() and len(name) < SHORTEST:
        return None
    words = re.escape(name.casefold())
    return re.compile(rf"(?<!\w){words}(?!\w)" if name.isascii() else words)
