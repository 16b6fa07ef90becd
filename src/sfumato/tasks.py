"""Tasks: the questions that one model answers about an image, and where each answer stands among its logits."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path

from sfumato.document import parse_document
from sfumato.errors import InputError
from sfumato.labels import EXAMPLE, LabelSpace, label_section
from sfumato.yaml_text import write_mapping

Outputs = int | Mapping[str, int]
"""What a network is built for: the classes of its only task, or those of each of several."""
MULTILABEL = "multilabel"
"""Key of a labels.yaml beside its only section."""


@dataclass(frozen=True)
class TaskLayout:
    """Tasks in the order of a model's (N, C) logits: those of the first task, beside them those of the next.

    Raises:
        InputError: Two tasks would have files of one name.
    """

    spaces: dict[str, LabelSpace]
    """Task -> its classes; a model's only task has the empty name."""
    multilabel: bool = False
    """Whether an image may be of any number of the only task's classes."""

    def __post_init__(self) -> None:
        if self.multilabel and len(self.spaces) > 1:
            raise InputError("several tasks, one of which has several classes an image", expected="one task")
        owner: dict[str, str] = {}
        for name in self.spaces:
            first = owner.setdefault(key(name).casefold(), name)
            if first != name:
                raise InputError(
                    f"label columns {first!r} and {name!r} would share the file name {key(name)!r}",
                    setting="data.columns.label",
                    expected="columns that differ in more than case and punctuation",
                )

    @property
    def several(self) -> bool:
        """Whether there is more than one task."""
        return len(self.spaces) > 1

    @property
    def labels(self) -> LabelSpace:
        """The classes of the only task.

        Raises:
            InputError: There are several.
        """
        if self.several:
            raise InputError(f"several tasks ({', '.join(self.spaces)})", expected="one of them named")
        return next(iter(self.spaces.values()))

    @property
    def sizes(self) -> tuple[int, ...]:
        """Classes of each task."""
        return tuple(map(len, self.spaces.values()))

    @property
    def classes(self) -> int:
        """C, the logits of all tasks."""
        return sum(self.sizes)

    @property
    def outputs(self) -> Outputs:
        """What a network that answers them is built for."""
        return dict(zip(self.spaces, self.sizes, strict=True)) if self.several else self.classes

    @cached_property
    def slices(self) -> dict[str, slice]:
        """Task -> its columns among the logits."""
        ends = tuple(accumulate(self.sizes))
        places = zip(self.spaces, self.sizes, ends, strict=True)
        return {name: slice(end - size, end) for name, size, end in places}

    def to_yaml(self) -> str:
        """The text of a labels.yaml: a section a task, `labels` for an only one; `multilabel: true` where it is so."""
        sections = {name or "labels": space.entries for name, space in self.spaces.items()}
        return write_mapping({**sections, **({MULTILABEL: True} if self.multilabel else {})})

    @classmethod
    def from_yaml(cls, text: str, where: str) -> "TaskLayout":
        """Read the text that `to_yaml` wrote; `where` names it in errors."""
        document = parse_document(text, where, Path(), EXAMPLE)
        names = list(document.settings)
        if names[1:] == [MULTILABEL] and document.settings[MULTILABEL] is True:
            return cls({"": LabelSpace.from_yaml(text, where)}, multilabel=True)
        if len(names) < 2:
            return cls({"": LabelSpace.from_yaml(text, where)})
        return cls({name: label_section(document, name) for name in names})


def of_task(name: str, task: str) -> str:
    """The name of a thing of one task: `test` of the task `shape` is `test.shape`; of an only task it is `test`."""
    return f"{name}.{task}" if task else name


def key(task: str) -> str:
    """A task's name fit for files and parameters: letters, digits, `_` and `-`."""
    return re.sub(r"[^\w-]", "_", task)
