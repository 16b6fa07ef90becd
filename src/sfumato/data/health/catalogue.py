"""Every finding there can be: its code, severity, name and what to do. docs/findings.md explains each."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "info"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
"""error: samples are lost, or figures would be wrong. warning: look at it before you train. info: good to know."""

DOCS = "findings.md"
"""The page of the docs that has a heading a code."""


@dataclass(frozen=True)
class Kind:
    """What all findings of one code have in common."""

    severity: Severity
    title: str
    advice: str
    unit: str = "picture"
    """What its samples are counted in."""


KINDS: dict[str, Kind] = {
    "leak-duplicates": Kind(
        "error",
        "The same picture in two of the given parts",
        "Keep it in one part only: measured figures would be too good.",
        "pair",
    ),
    "leak-groups": Kind(
        "error",
        "A group in two of the given parts",
        "Put each group into one part: measured figures would be too good.",
        "sample",
    ),
    "conflicting-labels": Kind(
        "error",
        "The same picture under different classes",
        "Decide which class is right; one of the two is wrong.",
        "pair",
    ),
    "missing": Kind("error", "Files that do not exist", "Mend the paths, or take the rows out of the table.", "file"),
    "no-permission": Kind("error", "Files that may not be read", "Give yourself the right to read them.", "file"),
    "folder": Kind("error", "Folders where a picture should be", "Name the picture, not its folder.", "folder"),
    "no-picture": Kind("error", "Samples without a picture", "Name one, or take them out.", "sample"),
    "empty": Kind("error", "Empty files", "Fetch them again: a copy or download has failed.", "file"),
    "not-an-image": Kind("error", "Files that are no pictures", "Replace them, or take them out.", "file"),
    "truncated": Kind("error", "Pictures cut off before their end", "Fetch them again: a copy or download has failed."),
    "unreadable": Kind("error", "Damaged pictures", "Fetch them again, or take them out."),
    "too-large": Kind(
        "error", "Pictures that claim too many pixels", "Make them smaller, or take them out: they may be a trap."
    ),
    "float-pixels": Kind(
        "error", "Pictures of floating-point numbers", "Save them as 8 or 16 bits, with a range that you choose."
    ),
    "background-probe": Kind(
        "warning",
        "The border alone tells the class",
        "Vary backgrounds or crop to the object, and test on pictures from elsewhere.",
    ),
    "no-label": Kind("warning", "Samples without a class", "Give them one; training leaves them out.", "sample"),
    "similar-names": Kind(
        "warning", "Class names that may be one", "Give them one name, if they mean one class.", "pair"
    ),
    "rare-class": Kind(
        "warning", "Classes with very few pictures", "Collect more, or join them with a like class.", "class"
    ),
    "exact-duplicate": Kind(
        "warning", "The same picture twice", "Keep one, or make them a group, so that none leaks.", "pair"
    ),
    "near-duplicate": Kind(
        "warning", "Pictures that are nearly the same", "Keep one, or make them a group, so that none leaks.", "pair"
    ),
    "dark": Kind("warning", "Very dark pictures", "Look whether anything is to be seen in them."),
    "bright": Kind("warning", "Very bright pictures", "Look whether anything is to be seen in them."),
    "blurry": Kind("warning", "Blurred pictures", "Look whether the class can still be told."),
    "uninformative": Kind(
        "warning", "Pictures with next to nothing on them", "Take them out, if nothing is to be seen."
    ),
    "tiny": Kind("warning", "Very small pictures", "Look for the originals: these may be thumbnails."),
    "extreme-aspect": Kind(
        "warning",
        "Very long or very high pictures",
        "Set preprocess.fit to pad, or crop: a square keeps little of them.",
    ),
    "animated": Kind("warning", "Animations or files of several pages", "Only the first picture of each is used."),
    "wrong-extension": Kind(
        "warning", "Files whose ending is not their format", "Rename them: other tools may fail.", "file"
    ),
    "text-names-class": Kind(
        "warning", "Texts that name their class", "Ask whether texts yet to come will; reading it is learnt.", "sample"
    ),
    "text-of-numbers": Kind(
        "warning", "Texts of numbers alone", "Name other columns in data.columns.text, or empty the cells.", "sample"
    ),
    "repeated-text": Kind("info", "One text under several classes", "It says nothing of the class there.", "text"),
    "no-text": Kind("info", "Samples without a text", "They train by their picture alone.", "sample"),
    "long-text": Kind("info", "Very long texts", "They are cut off where the model's window ends.", "text"),
    "outside": Kind(
        "info", "Pictures outside the data's folder", "Keep them together: who takes the table needs them too.", "file"
    ),
    "cmyk": Kind("info", "Pictures in CMYK", "They become RGB without their colour profile: colours may shift."),
    "transparent": Kind("info", "Pictures with transparent pixels", "What is transparent becomes white."),
    "sixteen-bit": Kind("info", "Pictures of 16 bits", "They are scaled to 8 bits; fine grey steps are lost."),
    "rotated": Kind("info", "Pictures that are turned by EXIF", "They are turned upright; other tools may not do so."),
    "huge": Kind("info", "Very large pictures", "Smaller copies would be read many times faster."),
    "tail": Kind(
        "info", "Some classes are far more frequent than others", "See docs/timeline.md, sampler_power.", "class"
    ),
}
"""Code -> kind, in the order in which findings of one severity are shown."""
