"""A bundle as a person names it, and the predictions tables beside it."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sfumato.bundle.ensemble import AnyBundle, read_any
from sfumato.decision.policies import AnyPolicy, policies_from_dict
from sfumato.errors import InputError
from sfumato.sealed import MANIFEST


@dataclass(frozen=True)
class NamedBundle:
    """What is taken of a run, a cross-validation, an ensemble, or a bundle by itself."""

    given: str
    """As it was named."""
    folder: Path
    """Of the bundle."""
    bundle: AnyBundle

    @cached_property
    def policy(self) -> AnyPolicy:
        """The policy of its only task."""
        return policies_from_dict(self.bundle.policy, self.bundle.tasks, str(self.folder / "policy.json"))[""]

    def table(self, part: str) -> Path | None:
        """The predictions table `oof`, `val` or `test` beside the bundle; None where there is none."""
        path = self.folder.parent / "predictions" / f"{part}.parquet"
        return path if self.folder.name == "bundle" and path.is_file() else None

    @property
    def fitting(self) -> Path | None:
        """The table of samples that did not train it and may choose: out of fold, else of the validation part."""
        return self.table("oof") or self.table("val")


def named_bundle(given: str | Path) -> NamedBundle:
    """The bundle at a path: the folder of a run, a cross-validation or an ensemble, or a bundle.

    Raises:
        InputError: No bundle there, or a damaged one.
    """
    path = Path(given)
    folder = path if (path / MANIFEST).is_file() else path / "bundle"
    if path.is_dir() and not folder.is_dir():
        expected = "the folder of a finished run, cross-validation or ensemble, or a bundle"
        raise InputError("no bundle there", where=str(path), expected=expected)
    return NamedBundle(str(given), folder, read_any(folder if folder.is_dir() else path))
