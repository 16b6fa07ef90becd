"""Fitting a hidden layer beside stacking: a multilayer perceptron whose way round the layer is the regression.

It begins as the regression and is pulled back to it, by a penalty that inner folds choose. So where members answer each
for itself, which the regression says in full, little or nothing is added; and where the answer lies in how they
disagree, it is found. Scikit-learn's MLPClassifier has the same loss and penalty, but no such way round, and would have
to learn all that the members know anew.

Shapes: M members, N samples, C classes, H hidden units, D = M x C inputs.
"""

from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.fusion.cross_entropy import column_sums, cross_entropy, less_truth
from sfumato.decision.fusion.fusion import Fusion
from sfumato.decision.fusion.hidden_layer import HiddenLayer
from sfumato.decision.fusion.inner_folds import best_form
from sfumato.decision.fusion.stacking import chosen_form, fit_form
from sfumato.metrics.membership import Truth

Floats = NDArray[np.floating]
Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]

UNITS = 16
LEAST_SAMPLES = 200
"""Of fewer nothing can be told of how members go together, and it is refused."""
MOST_SAMPLES = 20_000
"""More are not fitted on; a part is drawn by chance."""
MOST_INPUTS = 1_500
"""Of more members x classes it is refused: its weights would outnumber what so many samples tell."""
PENALTIES = (100.0, 10.0, 1.0)
"""Nats that a weight of 1 costs, of inputs with a spread of 1; the strongest first, taken where none is better."""
_STEPS, _EXACTLY, _ROUGHLY = 200, 1e-7, 1e-5
_LEAST_SPREAD = 1e-3


def fit_mlp(said: Floats, truth: Truth, groups: Integers | None = None) -> Fusion:
    """Stacking with a hidden layer, of (M, N, C); form and penalty are chosen by inner folds of the samples."""
    form = chosen_form(said, truth, groups=groups)

    def roughly(part: Floats, of: Truth, penalty: float) -> Fusion:
        return fit_hidden(part, of, fit_form(part, of, form, _ROUGHLY), penalty, _ROUGHLY)

    penalty = best_form(PENALTIES, roughly, said, truth, groups)
    return fit_hidden(said, truth, fit_form(said, truth, form), penalty)


def fit_hidden(
    said: Floats, truth: Truth, stacked: Fusion, penalty: float, tolerance: float = _EXACTLY, seed: int = 0
) -> Fusion:
    """The layer of least cross-entropy plus penalty x squared weights, added to a regression that stays as it is.

    L-BFGS from outputs of 0 and inputs drawn by the seed, at most 200 steps: on the same machine always the same. The
    loss has several minima; it ends in one that is at least as good as no layer at all.

    Args:
        said: (M, N, C), N at least 1.
        truth: (N,) class indices or (N, C) booleans.
        stacked: Fitted on the same samples.
        penalty: Above 0.
        tolerance: Share of the loss that a step must gain.
        seed: Of the first inputs.
    """
    from scipy import optimize  # half a second that most of the program never needs

    members, _, classes = said.shape
    inputs = np.concatenate(list(said), axis=1).astype(np.float32)
    middle, spread = inputs.mean(axis=0), np.maximum(inputs.std(axis=0), _LEAST_SPREAD)
    inputs -= middle
    inputs /= spread
    problem = _Problem(inputs, stacked.fuse(list(said.astype(np.float32))), truth, penalty)
    found = optimize.minimize(
        problem.loss, problem.start(seed), jac=True, method="L-BFGS-B",
        options={"maxiter": _STEPS, "ftol": tolerance},
    )  # fmt: skip
    first, bias, outputs = problem.parts(cast(Doubles, cast(Any, found).x))
    first = first / spread[:, None]
    layer = HiddenLayer(
        tuple(tuple(map(tuple, block)) for block in first.reshape(members, classes, UNITS).tolist()),
        tuple((bias - middle @ first).tolist()),
        tuple(map(tuple, outputs.tolist())),
        penalty,
    )
    return replace(stacked, kind="mlp", hidden=layer)


@dataclass(frozen=True)
class _Problem:
    inputs: NDArray[np.float32]
    """(N, D), centred and scaled."""
    known: NDArray[np.float32]
    """(N, C) scores of the regression."""
    truth: Truth
    penalty: float

    def start(self, seed: int) -> Doubles:
        """Inputs of variance 1 / D, so that each unit's sum has variance 1; no bias and no output."""
        width = self.inputs.shape[1]
        drawn = np.random.default_rng(seed).normal(size=(width, UNITS)) / np.sqrt(width)
        return np.concatenate([drawn.ravel(), np.zeros(UNITS * (1 + self.known.shape[1]))])

    def parts(self, at: Doubles) -> tuple[Doubles, Doubles, Doubles]:
        """(D, H) inputs, (H,) bias and (H, C) outputs."""
        cut = self.inputs.shape[1] * UNITS
        return at[:cut].reshape(-1, UNITS), at[cut : cut + UNITS], at[cut + UNITS :].reshape(UNITS, -1)

    def loss(self, at: Doubles) -> tuple[float, Doubles]:
        """Loss and gradient; the mean over samples. The bias costs nothing."""
        first, bias, outputs = (part.astype(np.float32) for part in self.parts(at))
        hidden = np.tanh(self.inputs @ first + bias)
        z = self.known + hidden @ outputs
        loss = cross_entropy(z, self.truth)
        off = less_truth(z, self.truth)
        back = (off @ outputs.T) * (1 - hidden * hidden)
        slope = np.concatenate([(self.inputs.T @ back).ravel(), column_sums(back), (hidden.T @ off).ravel()])
        weights = at.copy()
        weights[first.size : first.size + UNITS] = 0
        costs = self.penalty * float(weights @ weights)
        return (loss + costs) / len(self.known), (slope + 2 * self.penalty * weights) / len(self.known)
