"""What a recipe may say about the texts of its classes, and the texts that come of it."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, Tag

from sfumato.errors import InputError, nearest_name
from sfumato.labels import Label, LabelSpace
from sfumato.models.class_text_file import read_class_texts
from sfumato.spec import Spec, kind_or

SETTING = "model.texts"
Texts = Mapping[str, Sequence[str]]
"""Class -> its texts."""
Text = Annotated[str, Field(min_length=1)]
NameOf = Literal["id", "zh", "en"]
_PLACE = re.compile(r"\{([^{}]*)\}")
_HAN = re.compile("[\u3400-\u9fff]")
_LANGUAGE = {True: "zh", False: "en"}


class TemplateTextsSpec(Spec):
    """Sentences in which the name of each class stands."""

    kind: Literal["template"] = "template"
    templates: Annotated[tuple[Text, ...], Field(min_length=1)] = ("{}",)
    """Each with `{}` or `{class_name}` where the name of the class comes; several give every class several texts."""
    name: NameOf = "id"
    """Which name of a class: its id, or that in Chinese or English of the file that `data.labels` names."""


class LabelTextsSpec(Spec):
    """The templates that the file of `data.labels` has for each class."""

    kind: Literal["labels"] = "labels"
    name: NameOf = "id"
    """Which name of a class stands in the place of `{}`: its id, or that in Chinese or English."""


class BilingualTextsSpec(Spec):
    """Sentences in Chinese with the Chinese name of each class, and in English with the English one; the templates that
    the file of `data.labels` has for a class take the place of those in their language.
    """

    kind: Literal["bilingual"] = "bilingual"
    zh: Annotated[tuple[Text, ...], Field(min_length=1)] = ("{}", "一张{}的图片")
    """Each with `{}` where the name comes; of a class without a Chinese name there are none."""
    en: Annotated[tuple[Text, ...], Field(min_length=1)] = ("{}", "a picture of {}")
    """The same in English."""


class FileTextsSpec(Spec):
    """Texts of your own, from a file; a run keeps them as `given`."""

    kind: Literal["file"] = "file"
    file: Text
    """A YAML or JSON file, `{class: text}` or `{class: [text, text]}`, relative to the recipe's folder; `sfumato texts`
    writes one to begin from."""


MadeSpec = Annotated[
    Annotated[TemplateTextsSpec, Tag("template")]
    | Annotated[LabelTextsSpec, Tag("labels")]
    | Annotated[BilingualTextsSpec, Tag("bilingual")],
    kind_or("template"),
]


class GivenTextsSpec(Spec):
    """Texts of your own."""

    kind: Literal["given"] = "given"
    texts: Annotated[dict[str, tuple[Text, ...]], Field(min_length=1)]
    """Class -> its texts."""
    by: MadeSpec | None = None
    """How a run made them, and a class that comes later gets its own; none = it is told in both languages it has."""


ClassTexts = TemplateTextsSpec | LabelTextsSpec | BilingualTextsSpec | FileTextsSpec | GivenTextsSpec
ClassTextsSpec = Annotated[
    Annotated[TemplateTextsSpec, Tag("template")]
    | Annotated[LabelTextsSpec, Tag("labels")]
    | Annotated[BilingualTextsSpec, Tag("bilingual")]
    | Annotated[FileTextsSpec, Tag("file")]
    | Annotated[GivenTextsSpec, Tag("given")],
    kind_or("template"),
]


def texts_of(spec: ClassTexts, labels: LabelSpace) -> dict[str, tuple[str, ...]]:
    """The texts of every class, in the order of the classes.

    Raises:
        InputError: A class without a text, a text without a class, an empty one, one that two classes share, a template
            without a place for the name, a file that can't be read.
    """
    if isinstance(spec, TemplateTextsSpec):
        found = {label.id: filled(spec.templates, name_of(label, spec.name)) for label in labels.labels}
        return checked(found, SETTING)
    if isinstance(spec, LabelTextsSpec):
        return checked({label.id: _of_label(label, spec.name) for label in labels.labels}, SETTING)
    if isinstance(spec, BilingualTextsSpec):
        return checked({label.id: in_both(label, spec) for label in labels.labels}, SETTING)
    if isinstance(spec, GivenTextsSpec):
        return checked(matched(spec.texts, labels, f"{SETTING}.texts"), f"{SETTING}.texts")
    return checked(matched(read_class_texts(Path(spec.file)), labels, spec.file), spec.file)


def filled(templates: Sequence[str], name: str) -> tuple[str, ...]:
    """Templates with a name in the place of `{}` or `{class_name}`.

    Raises:
        InputError: A template without such a place, or with another.
    """
    for template in templates:
        other = next((place for place in _PLACE.findall(template) if place not in ("", "class_name")), None)
        if other is not None or not _PLACE.search(template):
            what = f"{template!r} has {'no {}' if other is None else f'{{{other}}}'}"
            raise InputError(what, setting=SETTING, expected="{} where the name of the class comes")
    return tuple(_PLACE.sub(lambda _: name, template) for template in templates)


def name_of(label: Label, which: NameOf) -> str:
    """One of a class's names.

    Raises:
        InputError: It has none of the kind.
    """
    found = {"id": label.id, "zh": label.zh, "en": label.en}[which]
    if not found:
        what = f"class {label.id!r} has no name in {which}"
        raise InputError(what, setting=f"{SETTING}.name", expected="one in the file of data.labels")
    return found


def in_both(label: Label, spec: BilingualTextsSpec) -> tuple[str, ...]:
    """The texts of a class in the languages it has a name in; each once.

    Raises:
        InputError: It has no name in either, or a template without a place for one.
    """
    found = list[str]()
    for own, name, usual in ((True, label.zh, spec.zh), (False, label.en, spec.en)):
        templates = [one for one in label.templates if bool(_HAN.search(one)) is own]
        if name:
            found += filled(templates or usual, name)
        elif templates:
            what = f"class {label.id!r} has a template in {_LANGUAGE[own]} and no name in it"
            raise InputError(what, setting=SETTING, expected=f"{_LANGUAGE[own]}: in the file of data.labels")
    if not found:
        what = f"class {label.id!r} has no name in zh or en"
        mend = "write its names into the file of data.labels, or take texts: {templates: [...]}, which name its id"
        raise InputError(what, setting=SETTING, mend=mend)
    return tuple(dict.fromkeys(found))


def matched(texts: Texts, labels: LabelSpace, where: str) -> dict[str, tuple[str, ...]]:
    """Texts by class, in the order of the classes, whichever of its names each stands under.

    Raises:
        InputError: A class without a text, or a text without a class.
    """
    found: dict[str, tuple[str, ...]] = {}
    for name, some in texts.items():
        label = labels.find(name)
        if label is None or label in found:
            what = f"a text for {name!r}, which is no class" if label is None else f"class {label!r} a second time"
            raise InputError(what, where=where, expected="each class once", nearest=labels.nearest(name))
        found[label] = tuple(some)
    for name in labels.names:
        if name not in found:
            mend = "write one (sfumato texts DATA writes a file with all of them)"
            raise InputError(f"no text for class {name!r}", where=where, nearest=nearest_name(name, texts), mend=mend)
    return {name: found[name] for name in labels.names}


def checked(texts: Texts, where: str) -> dict[str, tuple[str, ...]]:
    """The same texts without spaces around them.

    Raises:
        InputError: An empty one, or one that stands twice.
    """
    owner: dict[str, str] = {}
    found: dict[str, tuple[str, ...]] = {}
    for name, some in texts.items():
        found[name] = tuple(" ".join(text.split()) for text in some)
        if not found[name] or not all(found[name]):
            raise InputError(f"an empty text for class {name!r}", where=where, expected="what a picture of it shows")
        for text in found[name]:
            other = owner.setdefault(text, name)
            if other != name:
                what = f"classes {other!r} and {name!r} have the same text, {text!r}"
                raise InputError(what, where=where, mend="say what tells them apart, or make them one class")
        if len(set(found[name])) < len(found[name]):
            raise InputError(f"class {name!r} has a text twice", where=where, expected="each once")
    return found


def _of_label(label: Label, which: NameOf) -> tuple[str, ...]:
    if not label.templates:
        what = f"class {label.id!r} has no templates"
        raise InputError(what, setting=SETTING, expected="templates: [...] for it in the file of data.labels")
    return filled(label.templates, name_of(label, which))
