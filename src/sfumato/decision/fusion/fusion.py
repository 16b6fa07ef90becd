"""Fusion: from what several models say of a sample to one answer.

Shapes: M members, N samples, C classes. A member says calibrated log-probabilities, or log-odds where a sample may be
of several classes, so that one that is always too sure outvotes nobody. `average` and `weighted` mix probabilities (a
linear pool); `stacked` is a logistic regression on what they say (a logarithmic pool with weights that are fitted;
Wolpert, Stacked Generalization, Neural Networks 1992; Genest and Zidek, Combining Probability Distributions,
Statistical Science 1986); `mlp` adds a small hidden layer to it.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sfumato.decision.calibrators.one_vs_rest import sigmoid
from sfumato.decision.fusion.hidden_layer import HiddenLayer
from sfumato.decision.policies import AnyPolicy
from sfumato.decision.policy import Policy
from sfumato.errors import InputError, nearest_name
from sfumato.metrics.finite import refuse_not_finite
from sfumato.stored import read_stored, stored

Kind = Literal["average", "weighted", "stacked", "mlp"]
"""What can be asked for."""
Sharing = Literal["auto", "shared", "by_class"]
"""Whether all classes share a member's weight or each has its own; `auto` = what inner folds find better."""
Floats = NDArray[np.float32]

LEAST = 1e-30
"""A probability below counts as this one: its logarithm has a value, and no answer depends on it."""
_SURE = 1e-16
_SIMPLEX = 1e-6
_LATER: dict[str, Any] = {"hidden": None, "exclusive": True, "absent": ()}
"""Fields that are written only where they say something, and that older bundles lack."""


def read_kind(text: str) -> Kind:
    """The kind that a text names.

    Raises:
        InputError: None; with the nearest name.
    """
    kinds: tuple[Kind, ...] = get_args(Kind)
    return kinds[_place(text, kinds, "--kind")]


def read_sharing(text: str) -> Sharing:
    """The sharing of weights that a text names; raises as `read_kind`."""
    sharings: tuple[Sharing, ...] = get_args(Sharing)
    return sharings[_place(text, sharings, "--weights")]


def _place(text: str, names: tuple[str, ...], where: str) -> int:
    if text not in names:
        near = nearest_name(text, names)
        raise InputError(f"{text!r}", where=where, expected=f"one of {', '.join(names)}", nearest=near)
    return names.index(text)


@stored
@dataclass(frozen=True)
class Fusion:
    """How members become one; stored as fusion.json in an ensemble's bundle.

    Mixing: of class c, the sum over members of weight x probability. Stacking: the sum over members of weight x what
    they say of c, plus the class's bias, plus what the hidden layer adds if there is one.
    """

    kind: Literal["average", "weighted", "stacked", "mlp", "folds"]
    """`folds` averages networks of one recipe, each calibrated by the policy they share, as of a cross-validation."""
    weights: tuple[tuple[float, ...], ...]
    """M rows: one number, or where each class has its own, C numbers. Those that mix are 0 or above and sum to 1."""
    bias: tuple[float, ...] = ()
    """C numbers where it stacks; empty where it mixes."""
    samples: Annotated[int, Field(ge=0)] = 0
    """Samples the weights were fitted on; 0 = none, all count the same."""
    penalty: float | None = None
    """Where it stacks, what pulls the weights to 1 / M and the biases to 0, chosen by inner folds."""
    hidden: HiddenLayer | None = None
    """Of `mlp` alone."""
    exclusive: bool = True
    """Whether the classes exclude each other; else members say log-odds, and so does the fusion."""
    absent: tuple[float, ...] = ()
    """C numbers that a member says of an input it can't look at: how frequent classes are; empty = all alike."""

    @property
    def members(self) -> int:
        """M."""
        return len(self.weights)

    @property
    def stacks(self) -> bool:
        """Whether it adds what members say, and does not mix their probabilities."""
        return self.kind in ("stacked", "mlp")

    @property
    def units(self) -> int:
        """H, of the hidden layer; 0 without one."""
        return self.hidden.units if self.hidden else 0

    def share(self, member: int, said: Floats) -> Floats:
        """(N, C) that a member adds to the total, of the (N, C) it says; members may come one by one."""
        weight = np.array(self.weights[member], dtype=np.float32)
        return weight * (said if self.stacks else chances(said, exclusive=self.exclusive))

    def hidden_share(self, member: int, said: Floats) -> Floats:
        """(N, H) that it adds to the sum of the hidden layer; of width 0 without one."""
        return self.hidden.share(member, said) if self.hidden else np.zeros((len(said), 0), dtype=np.float32)

    def finish(self, total: Floats, hidden: Floats | None = None) -> Floats:
        """(N, C) fused logits from the sums of all shares.

        Args:
            total: (N, C).
            hidden: (N, H); None = what stacking would say without its hidden layer.
        """
        if self.stacks:
            scores = total + np.array(self.bias, dtype=np.float32)
            return scores if self.hidden is None or hidden is None else scores + self.hidden.correction(hidden)
        scores = np.log(np.maximum(total, np.float32(LEAST)))
        return scores if self.exclusive else scores - np.log(np.maximum(1 - total, np.float32(LEAST)))

    def unsaid(self, classes: int) -> Floats:
        """(C,) what a member says of an input that it can't look at."""
        alike = -np.log(classes) if self.exclusive else 0.0
        return np.array(self.absent, dtype=np.float32) if self.absent else np.full(classes, alike, dtype=np.float32)

    def fuse(self, said: Sequence[Floats]) -> Floats:
        """(N, C) fused logits from M arrays (N, C) of log-probabilities, or of log-odds."""
        for one in said:
            refuse_not_finite(said=one)
        total, hidden = np.zeros_like(said[0]), np.zeros((len(said[0]), self.units), dtype=np.float32)
        for member, one in enumerate(said):
            total += self.share(member, one)
            hidden += self.hidden_share(member, one)
        return self.finish(total, hidden)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form, which `from_dict` reads back."""
        document = asdict(self)
        return {name: value for name, value in document.items() if _LATER.get(name, document) != value}

    @classmethod
    def from_dict(cls, document: dict[str, Any], members: int, classes: int, where: str) -> "Fusion":
        """Read a fusion.json; `where` names it in errors.

        Raises:
            InputError: Not a fusion, or not one of so many members and classes.
        """
        found = read_stored(cls, {**_LATER, **document}, "a fusion", where)
        if found.members != members:
            raise InputError(f"not a fusion: {found.members} weights", where=where, expected=f"{members}, one a member")
        found._check(classes, where)
        return found

    def _check(self, classes: int, where: str) -> None:
        widths = {len(row) for row in self.weights}
        allowed = [{1}, {classes}] if self.stacks or self.kind == "weighted" else [{1}]
        if widths not in allowed or len(self.bias) != (classes if self.stacks else 0):
            raise InputError("not a fusion: weights or biases of another length", where=where)
        if len(self.absent) not in (0, classes):
            raise InputError("not a fusion: absent is of another length", where=where)
        if (self.hidden is not None) != (self.kind == "mlp") or not self._hidden_fits(classes):
            raise InputError("not a fusion: a hidden layer of another shape", where=where)
        weights = np.array(self.weights)
        if not self.stacks and (weights.min() < 0 or np.abs(weights.sum(axis=0) - 1).max() > _SIMPLEX):
            raise InputError(f"not a fusion: weights {weights.ravel().tolist()}", where=where, expected="a sum of 1")

    def _hidden_fits(self, classes: int) -> bool:
        return self.hidden is None or self.hidden.fits(self.members, classes)


def said_by(policy: AnyPolicy, logits: NDArray[np.floating]) -> Floats:
    """(N, C) what a member says: log-probabilities, or log-odds where its policy names several classes a sample."""
    if isinstance(policy, Policy):
        return log_probabilities(logits, policy)
    p = np.clip(policy.calibrated(logits), _SURE, 1 - _SURE)
    return (np.log(p) - np.log1p(-p)).astype(np.float32)


def log_probabilities(logits: NDArray[np.floating], policy: Policy) -> Floats:
    """(N, C) calibrated log-probabilities, from (N, C) logits and the policy that decides on them."""
    return np.log(np.maximum(policy.probabilities(logits), LEAST)).astype(np.float32)


def chances(said: NDArray[np.floating], *, exclusive: bool) -> NDArray[np.floating]:
    """Probabilities, of any shape, from what members say: log-probabilities, or log-odds of classes on their own."""
    return np.exp(said) if exclusive else sigmoid(cast(NDArray[np.float64], said))
