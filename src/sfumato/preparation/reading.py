"""What is worth knowing of the texts a model is to read: how many are cut off, and whether they can be trusted."""

from collections.abc import Sequence

import numpy as np

from sfumato.data.health.findings import Finding
from sfumato.data.health.texts import TELLING, text_findings
from sfumato.data.table import Table
from sfumato.models.image_text import ImageText
from sfumato.models.network import Network
from sfumato.models.text_only import TextOnly
from sfumato.models.transformers_text import Encoder
from sfumato.models.vlm.network import Vlm

CLIPS = 77
"""Tokens that CLIP reads."""
NAMING = "the name of their class stands in the text of "
NOTHING = "the text of "


def window_notes(model: Network, table: Table) -> list[str]:
    """A line on how long the texts are, in tokens, and how many of them are cut off. Tokens are computed once a run."""
    if isinstance(model, Vlm):
        return _prompt_notes(model, table)
    if not isinstance(model, ImageText | TextOnly) or not table.texts:
        return []
    there = [text for text in table.texts if text]
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


def _prompt_notes(model: Vlm, table: Table) -> list[str]:
    """The same of prompts, each with a picture."""
    if not table.texts:
        return []
    lengths, window = np.array([model.wording.length(text) for text in table.texts]), model.wording.window
    cut = int((lengths > window).sum())
    share = f"{cut} of {len(lengths)} prompts ({cut / len(lengths):.1%}) are longer than its {window} tokens"
    return [f"model.window: {share}, and their texts cut off there; {int(lengths.max())} is the most"]


def about_texts(notes: Sequence[str]) -> list[str]:
    """Of a run's notes and warnings those on its texts."""
    return [note for note in notes if note.startswith(("model.text: ", "model.window: ", NAMING, NOTHING))]


def text_doubts(table: Table) -> tuple[str, ...]:
    """Warnings where many texts name their class, or say nothing."""
    if not table.texts:
        return ()
    found = {one.code: one for one in text_findings(table) if len(one) >= TELLING * len(table)}
    said = {"text-names-class": _naming, "text-of-numbers": _nothing}
    return tuple(say(found[code], len(table)) for code, say in said.items() if code in found)


def _naming(found: Finding, count: int) -> str:
    id_, name = found.samples["id"][0], found.samples["detail"][0]
    what = f"{NAMING}{len(found) / count:.0%} of the samples, such as {name}"
    return f"{what} in that of {id_}: scores hold only where texts that are yet to come will name it too"


def _nothing(found: Finding, count: int) -> str:
    id_, text = found.samples["id"][0], found.samples["detail"][0]
    what = f"{NOTHING}{len(found) / count:.0%} of the samples is of numbers alone, or a word for nothing"
    return f"{what}, such as {text} of {id_}: name other columns in data.columns.text, or leave such cells empty"
