"""A member of an ensemble: a bundle, and the predictions tables beside it."""

from dataclasses import dataclass
from pathlib import Path

from sfumato.bundle.ensemble import AnyBundle, read_any
from sfumato.decision.policies import AnyPolicy, policies_from_dict
from sfumato.decision.policy import Policy
from sfumato.errors import InputError
from sfumato.sealed import MANIFEST


@dataclass(frozen=True)
class Member:
    """What an ensemble takes of a run, a cross-validation, another ensemble, or a bundle by itself."""

    given: str
    """As it was named."""
    folder: Path
    """Of the bundle."""
    bundle: AnyBundle
    policy: AnyPolicy

    def table(self, part: str) -> Path | None:
        """The predictions table `oof`, `val` or `test` beside the bundle; None where there is none."""
        path = self.folder.parent / "predictions" / f"{part}.parquet"
        return path if self.folder.name == "bundle" and path.is_file() else None

    @property
    def fitting(self) -> Path | None:
        """The table that a fusion may be fitted on: out of fold if there is one, else of the validation part."""
        return self.table("oof") or self.table("val")


def read_member(given: str | Path) -> Member:
    """The member at a path: the folder of a run, a cross-validation or an ensemble, or a bundle.

    Raises:
        InputError: No bundle there, a damaged one, or one of several tasks.
    """
    path = Path(given)
    folder = path if (path / MANIFEST).is_file() else path / "bundle"
    if path.is_dir() and not folder.is_dir():
        expected = "the folder of a finished run, cross-validation or ensemble, or a bundle"
        raise InputError("no bundle there", where=str(path), expected=expected)
    bundle = read_any(folder if folder.is_dir() else path)
    if bundle.tasks.several:
        what = f"a bundle of several tasks ({', '.join(bundle.tasks.spaces)})"
        raise InputError(what, where=str(path), expected="bundles of one task; train each task alone to fuse it")
    policies = policies_from_dict(bundle.policy, bundle.tasks, str(folder / "policy.json"))
    _refuse_decided(policies[""], str(path))
    return Member(str(given), folder, bundle, policies[""])


def _refuse_decided(policy: AnyPolicy, where: str) -> None:
    """An ensemble fuses honest probabilities at the frequencies of validation; what a member adds would be lost.

    Thresholds change no probability, and the ensemble has its own.
    """
    parts: dict[str, object] = _lost(policy) if isinstance(policy, Policy) else {"misses": policy.misses}
    for name, part in parts.items():
        if part is not None:
            what = f"a bundle with decision.{name}, which an ensemble does not carry"
            raise InputError(what, where=where, expected="members without it")


def _lost(policy: Policy) -> dict[str, object]:
    lost = {"priors": policy.shift, "costs": policy.costs, "sets": policy.sets, "familiar": policy.familiar}
    return {**lost, f"abstain.by: {policy.measure}": policy.measure}
