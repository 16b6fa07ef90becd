"""The label space: the classes a model can name, in the order of its outputs, and what else is known of each."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from sfumato.document import Document, parse_document, read_document
from sfumato.errors import InputError, nearest_name
from sfumato.yaml_text import write_mapping

EXAMPLE = "labels: [{id: cloud, zh: 云图, en: cloud imagery, aliases: [...]}, ...]"
ELEMENTS = "elements"
"""Section of a label file that the elements of products are classes of."""
_LISTS = frozenset({"aliases", "templates", ELEMENTS})


@dataclass(frozen=True)
class Label:
    """One class. Only its id must be given; the id is what predictions, bundles and thresholds say."""

    id: str
    zh: str | None = None
    """Name in Chinese."""
    en: str | None = None
    """Name in English."""
    aliases: tuple[str, ...] = ()
    """Other names the data may use for it."""
    templates: tuple[str, ...] = ()
    """Sentences that describe a picture of it, `{}` standing for its name."""
    unit: str | None = None
    """Unit of what is shown, such as `m/s`."""
    level: str | None = None
    """Level of what is shown, such as `850hPa` or `2m`."""
    lead_time: str | None = None
    """Lead time of what is shown, such as `24h`."""
    elements: tuple[str, ...] = ()
    """Of a product: the ids of what it always shows, classes of the file's section `elements`."""

    @property
    def spellings(self) -> tuple[str, ...]:
        """Every name the data may use, the id first."""
        return tuple(name for name in (self.id, self.zh, self.en, *self.aliases) if name)


@dataclass(frozen=True)
class LabelSpace:
    """Names of the C classes; a class's index in `names` is its column in every (N, C) array of logits.

    Raises:
        InputError: A name is empty or stands twice.
    """

    names: tuple[str, ...]
    details: tuple[Label, ...] = ()
    """What is known of each class beside its name, in the same order; empty = nothing."""

    def __post_init__(self) -> None:
        doubled = [name for name, count in Counter(self.names).items() if count > 1]
        if doubled:
            raise InputError(f"class {doubled[0]!r} is named twice")
        if any(not name.strip() for name in self.names):
            raise InputError("a class has an empty name")

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def labels(self) -> tuple[Label, ...]:
        """The C classes with all that is known of them."""
        return self.details or tuple(Label(name) for name in self.names)

    @cached_property
    def elements(self) -> tuple[str, ...]:
        """What its classes show, each element once, in their order; empty where none says."""
        return tuple(dict.fromkeys(element for label in self.details for element in label.elements))

    @cached_property
    def _by_spelling(self) -> dict[str, str]:
        return {folded(spelling): label.id for label in reversed(self.labels) for spelling in reversed(label.spellings)}

    def index(self, name: str) -> int:
        """Column of class `name`; an unknown name is an InputError with the nearest one."""
        try:
            return self.names.index(name)
        except ValueError:
            raise InputError(f"unknown class {name!r}", nearest=nearest_name(name, self.names)) from None

    def places_of(self, other: "LabelSpace", where: str) -> list[int]:
        """Column here of each class of another space of the same classes, which may have them in another order.

        Raises:
            InputError: A class stands in one of them alone; `where` names this one.
        """
        places, wanted = {name: place for place, name in enumerate(self.names)}, set(other.names)
        for name in other.names:
            if name not in places:
                near = nearest_name(name, self.names)
                raise InputError(f"no class {name!r}", where=where, expected="the same classes in all", nearest=near)
        for name in self.names:
            if name not in wanted:
                raise InputError(f"class {name!r}, which others lack", where=where, expected="the same classes in all")
        return [places[name] for name in other.names]

    def find(self, text: str) -> str | None:
        """The class that `text` means: by id, name or alias, whatever the case, spaces or full-width forms."""
        return self._by_spelling.get(folded(text))

    def nearest(self, text: str) -> str | None:
        """The spelling most like `text`, or None where none is close."""
        return nearest_name(text, [spelling for label in self.labels for spelling in label.spellings])

    def only(self, names: Iterable[str]) -> "LabelSpace":
        """The same without the classes that are not in `names`."""
        wanted = set(names)
        kept = tuple(label for label in self.details if label.id in wanted)
        return LabelSpace(tuple(name for name in self.names if name in wanted), kept)

    @property
    def entries(self) -> list[dict[str, object]]:
        """What is known of each class, as a section of a label file says it."""
        return [
            {field.name: _plain(value) for field in fields(Label) if (value := getattr(label, field.name))}
            for label in self.labels
        ]

    def to_yaml(self) -> str:
        """The text of a labels.yaml, which `from_yaml` reads back."""
        return write_mapping({"labels": self.entries})

    @classmethod
    def from_yaml(cls, text: str, where: str) -> "LabelSpace":
        """Read the text that `to_yaml` wrote; `where` names it in errors."""
        return label_section(parse_document(text, where, Path(), EXAMPLE), "labels")


def read_labels(path: Path, section: str | None = None) -> LabelSpace:
    """Read a section of a label file: `NAME: [{id, zh, en, aliases, templates, unit, level, lead_time, elements}]`.

    A class may also be a plain text, its id. The `elements` that a class names are classes of the file's section of
    that name, if it has one. A section `{positive: NAME, negative: NAME}` names the two sides of a yes-or-no
    question; the data may then say 1 and 0, true and false, yes and no.

    Args:
        path: The file.
        section: Key of the section; None = the only one there is.

    Raises:
        InputError: No such file or section, an unknown key, a name or alias that two classes share, an element that the
            file lacks; with file and line.
    """
    document = read_document(path, kind="label file", example=EXAMPLE)
    names = list(document.settings)
    if section is None and len(names) > 1:
        raise InputError(
            f"{len(names)} sections", where=str(path), expected=f"data.labels.section naming one of {', '.join(names)}"
        )
    name = section or names[0]
    if name not in document.settings:
        near = nearest_name(name, names)
        raise InputError(f"no section {name!r}", where=str(path), expected=f"one of {', '.join(names)}", nearest=near)
    return _with_known_elements(label_section(document, name), document, name)


def label_sections(path: Path) -> list[tuple[str, LabelSpace]]:
    """The sections of a label file that are lists of classes, by name.

    Raises:
        InputError: As `read_labels`.
    """
    document = read_document(path, kind="label file", example=EXAMPLE)
    return [(name, read_labels(path, name)) for name, value in document.settings.items() if isinstance(value, list)]


def folded(text: str) -> str:
    """The text as a reader sees it: full-width forms, case and spaces make no difference, but for spaces in numbers."""
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return re.sub(r"(?<!\d) | (?!\d)", "", plain)


def look_alikes(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Groups of names that differ in case, spaces or full-width forms only, each sorted."""
    groups: dict[str, list[str]] = {}
    for name in sorted(names):
        groups.setdefault(folded(name).replace(" ", "").replace("_", "").replace("-", ""), []).append(name)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def label_section(document: Document, name: str) -> LabelSpace:
    """The classes of one section of a label file that was read."""
    entries = document.settings.get(name)
    if isinstance(entries, dict):
        labels = _two_sides(cast(dict[str, Any], entries), document, name)
    elif isinstance(entries, list) and entries:
        labels = [_label(entry, document, f"{name}[{i}]") for i, entry in enumerate(cast(list[Any], entries))]
    else:
        raise InputError("no list of classes", where=document.place(name), setting=name, expected=EXAMPLE)
    _refuse_shared(labels, document, name)
    space = LabelSpace(tuple(label.id for label in labels), tuple(labels))
    return space if any(label != Label(label.id) for label in labels) else LabelSpace(space.names)


def _two_sides(sides: dict[str, Any], document: Document, name: str) -> list[Label]:
    if not set(sides) <= {"positive", "negative"} or not isinstance(sides.get("positive"), str):
        raise InputError(
            "not a yes-or-no question",
            where=document.place(name),
            setting=name,
            expected="{positive: NAME, negative: NAME}",
        )
    positive = str(sides["positive"])
    negative = str(sides.get("negative", f"not_{positive}"))
    return [Label(negative, aliases=("0", "false", "no")), Label(positive, aliases=("1", "true", "yes"))]


def _label(entry: Any, document: Document, path: str) -> Label:
    if isinstance(entry, str):
        entry = {"id": entry}
    allowed = [field.name for field in fields(Label)]
    if not isinstance(entry, dict):
        raise InputError(f"{entry!r} is no class", where=document.place(path), expected=EXAMPLE)
    values = cast(dict[str, Any], entry)
    for key, value in values.items():
        where = document.place(f"{path}.{key}")
        if key not in allowed:
            near = nearest_name(key, allowed)
            raise InputError(f"unknown key {key!r}", where=where, expected=f"one of {', '.join(allowed)}", nearest=near)
        if not _is_text(value, many=key in _LISTS):
            kind = "a list of texts" if key in _LISTS else "a text"
            raise InputError(f"{key} is {value!r}", where=where, expected=kind)
    if not values.get("id", "").strip():
        raise InputError("a class without id", where=document.place(path), expected=EXAMPLE)
    many = {key: tuple(cast(list[str], values.get(key, ()))) for key in _LISTS}
    return Label(**cast(dict[str, Any], {**values, **many}))


def _with_known_elements(space: LabelSpace, document: Document, name: str) -> LabelSpace:
    """The same classes, the elements they name spelled as the file's own section of elements spells them."""
    if ELEMENTS not in document.settings or not any(label.elements for label in space.details):
        return space  # a bundle's own label file has its classes alone
    known = label_section(document, ELEMENTS)
    details = [
        replace(
            label,
            elements=tuple(
                _element(known, text, document.place(f"{name}[{i}].elements[{j}]"), label.id)
                for j, text in enumerate(label.elements)
            ),
        )
        for i, label in enumerate(space.details)
    ]
    return LabelSpace(space.names, tuple(details))


def _element(known: LabelSpace, text: str, where: str | None, of: str) -> str:
    found = known.find(text)
    if found is None:
        what = f"{of!r} names the unknown element {text!r}"
        raise InputError(what, where=where, expected=f"one of {', '.join(known.names)}", nearest=known.nearest(text))
    return found


def _is_text(value: Any, *, many: bool) -> bool:
    if many:
        return isinstance(value, list) and all(isinstance(one, str) for one in cast(list[Any], value))
    return isinstance(value, str)


def _refuse_shared(labels: list[Label], document: Document, name: str) -> None:
    """Two classes that a text could mean alike."""
    owner: dict[str, int] = {}
    for i, label in enumerate(labels):
        for spelling in label.spellings:
            first = owner.setdefault(folded(spelling), i)
            if first != i and labels[first].id == label.id:
                where = document.place(f"{name}[{i}]")
                raise InputError(f"class {label.id!r} stands twice", where=where, expected="every class once")
            if first != i:
                raise InputError(
                    f"{spelling!r} names both {labels[first].id!r} and {label.id!r}",
                    where=document.place(f"{name}[{i}]"),
                    expected="names and aliases that mean one class",
                )


def _plain(value: object) -> object:
    return list(cast(tuple[str, ...], value)) if isinstance(value, tuple) else value
