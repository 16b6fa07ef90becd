"""What a recipe may say about parts and folds."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sfumato.spec import Spec

Leak = Literal["groups", "near-duplicates"]


class SplitSpec(Spec):
    """Shares of the samples; a split column or train, val and test folders take precedence over them."""

    val: Annotated[float, Field(ge=0, lt=1)] = 0.15
    """Share that chooses the best weights, temperature and thresholds; 0 = nothing is chosen."""
    test: Annotated[float, Field(ge=0, lt=1)] = 0.15
    """Share that is only measured; 0 = nothing is measured."""
    by: Literal["chance", "time"] = "chance"
    """`chance` spreads classes evenly; `time` measures on the latest samples and trains on the earliest."""
    folds: Annotated[int, Field(ge=2, le=100)] | None = None
    """Folds that all samples but those of the test part are dealt into; none = no folds."""
    fold: Annotated[int, Field(ge=0)] | Annotated[str, Field(min_length=1)] | None = None
    """Fold that is the val part: from 0 with `folds`, else a value of the data's own fold column; none = no fold."""
    fold_part: Literal["val", "test"] = "val"
    """What the fold is for: `val` chooses and measures; `test` measures alone, and `val` is a share of the rest."""
    stratify: tuple[str, ...] = ()
    """Columns whose values are spread evenly over the parts, besides the class."""
    near_duplicates: Literal["together", "ignored"] = "together"
    """Whether pictures that are nearly the same stay in one part, as a group does."""
    accept: tuple[Leak, ...] = ()
    """Leaks between parts given by the data that are known and accepted; else such a split is refused."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    """Changes which samples fall into which part; apart from train.seed, so that seeds compare on equal data."""

    @model_validator(mode="after")
    def _leave_something(self) -> Self:
        if self.val + self.test >= 1:
            raise ValueError(f"val {self.val:g} and test {self.test:g} leave nothing to train on")
        return self

    @model_validator(mode="after")
    def _nothing_idle(self) -> Self:
        if self.fold is not None and self.fold_part in self.changed:
            raise ValueError(f"{self.fold_part} has no effect: the fold is the {self.fold_part} part")
        if self.fold is None and self.fold_part != "val":
            raise ValueError("fold_part has no effect without fold")
        if self.folds is not None and self.fold is None:
            raise ValueError(f"folds has no effect without fold: name one from 0 to {self.folds - 1}")
        if self.folds is not None and (not isinstance(self.fold, int) or self.fold >= self.folds):
            raise ValueError(f"fold is {self.fold!r}; expected a number from 0 to {self.folds - 1}")
        for name in ("stratify", "seed"):
            if self.by == "time" and name in self.changed:
                raise ValueError(f"{name} has no effect where time decides")
        return self
