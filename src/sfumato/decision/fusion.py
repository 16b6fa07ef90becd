"""Fusion: from what several models say of a sample to one answer.

Shapes: M members, N samples, C classes. A member says calibrated log-probabilities, so that one that is always too sure
outvotes nobody. `average` and `weighted` mix probabilities (a linear pool); `stacked` is a multinomial logistic
regression on their logarithms (a logarithmic pool with weights that are fitted; Wolpert, Stacked Generalization, Neural
Networks 1992; Genest and Zidek, Combining Probability Distributions, Statistical Science 1986).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sfumato.decision.policy import Policy
from sfumato.errors import InputError, nearest_name
from sfumato.stored import read_stored, stored

Kind = Literal["average", "weighted", "stacked"]
"""What can be asked for."""
Floats = NDArray[np.float32]


def read_kind(text: str) -> Kind:
    """The kind that a text names.

    Raises:
        InputError: None; with the nearest name.
    """
    kinds: tuple[Kind, ...] = get_args(Kind)
    if text not in kinds:
        near = nearest_name(text, kinds)
        raise InputError(f"{text!r}", where="--kind", expected=f"one of {', '.join(kinds)}", nearest=near)
    return kinds[kinds.index(text)]


LEAST = 1e-30
"""A probability below counts as this one: its logarithm has a value, and no answer depends on it."""
_SIMPLEX = 1e-6


@stored
@dataclass(frozen=True)
class Fusion:
    """How members become one; stored as fusion.json in an ensemble's bundle.

    Mixing: log of the sum over members of weight x probability. Stacking: for class c the sum over members of weight x
    log-probability of c, plus the class's bias.
    """

    kind: Literal["average", "weighted", "stacked", "folds"]
    """`folds` averages networks of one recipe, each calibrated by the policy they share, as of a cross-validation."""
    weights: tuple[tuple[float, ...], ...]
    """M rows: one number, or where each class has its own, C numbers. Those that mix are 0 or above and sum to 1."""
    bias: tuple[float, ...] = ()
    """C numbers where it stacks; empty where it mixes."""
    samples: Annotated[int, Field(ge=0)] = 0
    """Samples the weights were fitted on; 0 = none, all count the same."""
    penalty: float | None = None
    """Where it stacks, what pulls the weights to 1 / M and the biases to 0, chosen by inner folds."""

    @property
    def members(self) -> int:
        """M."""
        return len(self.weights)

    def share(self, member: int, log_p: Floats) -> Floats:
        """(N, C) that a member adds to the total, of its (N, C) log-probabilities; members may come one by one."""
        weight = np.array(self.weights[member], dtype=np.float32)
        return weight * log_p if self.kind == "stacked" else weight * np.exp(log_p)

    def finish(self, total: Floats) -> Floats:
        """(N, C) fused logits from the (N, C) sum of all shares."""
        if self.kind == "stacked":
            return total + np.array(self.bias, dtype=np.float32)
        return np.log(np.maximum(total, np.float32(LEAST)))

    def fuse(self, log_p: Sequence[Floats]) -> Floats:
        """(N, C) fused logits from M arrays (N, C) of log-probabilities."""
        total = np.zeros_like(log_p[0])
        for member, said in enumerate(log_p):
            total += self.share(member, said)
        return self.finish(total)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form, which `from_dict` reads back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: dict[str, Any], members: int, classes: int, where: str) -> "Fusion":
        """Read a fusion.json; `where` names it in errors.

        Raises:
            InputError: Not a fusion, or not one of so many members and classes.
        """
        found = read_stored(cls, document, "a fusion", where)
        if found.members != members:
            raise InputError(f"not a fusion: {found.members} weights", where=where, expected=f"{members}, one a member")
        found._check(classes, where)
        return found

    def _check(self, classes: int, where: str) -> None:
        stacks = self.kind == "stacked"
        widths = {len(row) for row in self.weights}
        if widths not in ([{1}, {classes}] if stacks else [{1}]) or len(self.bias) != (classes if stacks else 0):
            raise InputError("not a fusion: weights or biases of another length", where=where)
        flat = np.array(self.weights)
        if not stacks and (flat.min() < 0 or abs(flat.sum() - 1) > _SIMPLEX):
            raise InputError(f"not a fusion: weights {flat.ravel().tolist()}", where=where, expected="a sum of 1")


def log_probabilities(logits: NDArray[np.floating], policy: Policy) -> Floats:
    """(N, C) calibrated log-probabilities, from (N, C) logits and the policy that decides on them."""
    return np.log(np.maximum(policy.probabilities(logits), LEAST)).astype(np.float32)
