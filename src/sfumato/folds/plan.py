"""Which folds a cross-validation has, and what each of them changes in the recipe."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from sfumato.data.splits.spec import SplitSpec
from sfumato.errors import InputError

Fold = int | str
"""From 0 where folds are dealt; else a value of the data's own fold column."""


@dataclass(frozen=True)
class FoldPlan:
    """The folds in the order they are run."""

    folds: tuple[Fold, ...]
    nested: bool = False
    """Whether a fold is only measured, and a share of its training samples chooses the weights; else it does both."""

    @property
    def names(self) -> list[str]:
        """Of the folds."""
        return [str(fold) for fold in self.folds]

    @property
    def held_out(self) -> str:
        """The part of a run that its fold is."""
        return "test" if self.nested else "val"

    def overrides(self, index: int) -> dict[str, Any]:
        """What a fold changes in the recipe; the share of the part that it becomes gives way to it."""
        fold, default = self.folds[index], SplitSpec.model_fields[self.held_out].default
        count = {} if isinstance(fold, str) else {"data.split.folds": len(self.folds)}
        part = {"data.split.fold_part": "test"} if self.nested else {}
        return {f"data.split.{self.held_out}": default, **count, **part, "data.split.fold": fold}

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {"folds": list(self.folds), "nested": self.nested}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any], where: str) -> "FoldPlan":
        """Read what `to_dict` made; `where` names it in errors. Without a word on it nothing is nested."""
        folds, nested = document.get("folds"), document.get("nested", False)
        if not isinstance(folds, list) or not all(isinstance(one, int | str) for one in cast(list[Any], folds)):
            raise InputError("damaged: no list of folds", where=where)
        if not isinstance(nested, bool):
            raise InputError(f"damaged: nested is {nested!r}", where=where, expected="true or false")
        return cls(tuple(cast(list[Fold], folds)), nested)
