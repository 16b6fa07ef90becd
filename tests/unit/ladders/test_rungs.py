"""Each rung against what it must be where its settings make it something known, and LP++ against convex optimisation."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch.nn import functional as F

from sfumato.ladders.rungs.class_adaptive import CLASS_ADAPTIVE, fit_class_adaptive, multipliers
from sfumato.ladders.rungs.linear_probe import LINEAR_PROBE, fit_linear_probe
from sfumato.ladders.rungs.lp_plus_plus import LP_PLUS_PLUS, falling, fit_lp_plus_plus
from sfumato.ladders.rungs.shots import Shots
from sfumato.ladders.rungs.tip_adapter import TIP_ADAPTER, fit_tip_adapter
from sfumato.ladders.rungs.zero_shot import ZERO_SHOT, fit_zero_shot
from sfumato.ladders.steps import RUNGS

CLASSES, WIDTH = 4, 12
SEVERAL = pytest.mark.parametrize("several", [False, True])


def drawn(several: bool, samples: int = 80, seed: int = 0, hidden: float = 0.0) -> Shots:
    """Pictures about class directions that the texts know roughly."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(CLASSES, WIDTH))
    truth = (rng.random((samples, CLASSES)) < 0.3).astype(float)
    if not several:
        truth = np.eye(CLASSES)[rng.integers(0, CLASSES, samples)]
    features = truth @ centres + rng.normal(0, 1.2, (samples, WIDTH)) + 1.0
    truth[rng.random(truth.shape) < hidden] = -1
    texts = centres + np.random.default_rng(7).normal(0, 1.2, centres.shape)
    unit = [F.normalize(torch.from_numpy(of), dim=1) for of in (features, texts)]
    return Shots(unit[0], torch.from_numpy(truth), unit[1], 15.0, exclusive=not several)


def ranked(shots: Shots, logits: torch.Tensor) -> float:
    """Share of pairs of pictures, one of a class and one not, in the right order; over all classes."""
    there = shots.truth_nc > 0
    right = [(logits[there[:, c], c][:, None] > logits[~there[:, c], c]).double().mean() for c in range(CLASSES)]
    return float(torch.stack(right).mean())


@SEVERAL
def test_what_leaves_the_texts_alone_is_zero_shot(several):
    """Of several classes a picture CLAP learns the biases all the same: cosines alone call every class likely."""
    shots, new = drawn(several), drawn(several, seed=1)
    zero = fit_zero_shot(shots).logits(new.features_ne)
    assert torch.allclose(zero, 15 * new.features_ne @ shots.prototypes_ce.T)
    for fitted in (
        fit_tip_adapter(shots, 0.0, 5.0),
        fit_linear_probe(shots, 0),
        fit_class_adaptive(shots, float("inf")),
    ):
        assert torch.allclose(fitted.logits(new.features_ne) - fitted.bias_c, zero, atol=1e-12)
        assert several or not fitted.bias_c.any()


@SEVERAL
def test_each_rung_learns_what_the_pictures_show(several):
    shots, new = drawn(several, 200), drawn(several, 400, seed=1)
    zero = ranked(new, fit_zero_shot(shots).logits(new.features_ne))
    for rung in RUNGS[1:]:
        best = max(ranked(new, one.logits(new.features_ne)) for one in rung.fit(shots))
        assert best > zero + 0.01, rung.name


def test_the_cache_alone_is_the_nearest_picture_where_it_is_sharp_enough():
    shots, new = drawn(False), drawn(False, seed=1)
    cache = fit_tip_adapter(shots, 1.0, 2000.0).cache
    assert cache is not None
    nearest = (new.features_ne @ shots.features_ne.T).argmax(dim=1)
    assert torch.equal(cache.logits(new.features_ne).argmax(dim=1), shots.truth_nc[nearest].argmax(dim=1))


def test_the_cache_by_hand():
    """eq. 4 to 6 of the paper, written out."""
    shots, new = drawn(False), drawn(False, seed=1)
    f, keys, values = (of.numpy() for of in (new.features_ne, shots.features_ne, shots.truth_nc))
    expected = 2.5 * np.exp(-3 * (1 - f @ keys.T)) @ values + 15 * f @ shots.prototypes_ce.numpy().T
    assert fit_tip_adapter(shots, 2.5, 3.0).logits(new.features_ne).numpy() == pytest.approx(expected)


def test_a_picture_of_several_classes_speaks_for_each_and_for_none_that_is_not_known():
    values = fit_tip_adapter(drawn(True, hidden=0.3), 1.0, 5.0).cache.values_mc
    assert set(values.unique().tolist()) == {0.0, 1.0} and (values.sum(dim=1) > 1).any()


@SEVERAL
@pytest.mark.parametrize("hidden", [0.0, 0.4])
def test_the_loss_of_lp_plus_plus_falls_at_every_step(several, hidden):
    if hidden and not several:
        pytest.skip("one class a picture is known or not")
    losses = [loss for _, loss in falling(drawn(several, hidden=hidden))]
    assert len(losses) > 100 and (np.diff(losses) < 0).all()


@SEVERAL
def test_lp_plus_plus_goes_where_any_other_method_goes(several):
    """It is convex: scipy's BFGS on w and a (and b) from another start ends in no lower a loss, but for the way there."""
    shots = drawn(several, 400)
    f, near, so = shots.features_ne.numpy(), shots.similarity_nc.numpy(), shots.truth_nc.numpy()

    def loss(at):
        w, a, b = np.split(at, [CLASSES * WIDTH, CLASSES * (WIDTH + 1)])
        z = f @ w.reshape(CLASSES, WIDTH).T + a * near + (b if several else 0)
        if several:
            return float((np.logaddexp(0, z) - so * z).mean())
        top = z.max(axis=1)
        return float((top + np.log(np.exp(z - top[:, None]).sum(axis=1)) - (z * so).sum(axis=1)).mean())

    best = minimize(loss, np.zeros(CLASSES * (WIDTH + 2)), method="L-BFGS-B", options={"maxfun": 200_000}).fun
    *_, (fitted, found) = falling(shots, 3000)
    assert found == pytest.approx(best, abs=2e-3)
    assert float(shots.loss(fitted.logits(shots.features_ne))) == pytest.approx(found)


@SEVERAL
def test_a_penalty_holds_the_probe_to_its_texts_the_harder_it_is(several):
    shots = drawn(several)
    zero = fit_zero_shot(shots).weight_ce
    off = [float((fit_class_adaptive(shots, by).weight_ce - zero).norm()) for by in (0.0, 10.0, 100.0, 1e5)]
    assert off == sorted(off, reverse=True) and off[-1] < 0.1 * off[0]
    assert torch.allclose(fit_class_adaptive(shots, 0.0).weight_ce, fit_linear_probe(shots).weight_ce)


def test_a_class_that_its_text_tells_is_held_harder():
    shots = drawn(False)
    found, p = multipliers(shots), fit_zero_shot(shots).logits(shots.features_ne).softmax(dim=1)
    for c in range(CLASSES):
        assert float(found[c]) == pytest.approx(float(p[shots.truth_nc[:, c] > 0, c].mean()))
    empty = Shots(shots.features_ne, shots.truth_nc.clone(), shots.prototypes_ce, shots.scale, exclusive=True)
    empty.truth_nc[:, 2] = 0
    assert float(multipliers(empty)[2]) == 1


def test_vectors_of_the_probe_stay_as_long_as_the_scale():
    found = fit_linear_probe(drawn(False))
    assert found.weight_ce.norm(dim=1).numpy() == pytest.approx(np.full(CLASSES, 15.0))
    assert not found.bias_c.any()


@SEVERAL
@pytest.mark.parametrize("rung", RUNGS, ids=lambda rung: rung.name)
def test_odd_pictures_are_borne(rung, several):
    """One picture; a class without any; all of one class; pictures that are all the same."""
    shots = drawn(several)
    same = Shots(shots.features_ne[:1].repeat(5, 1), shots.truth_nc[:5], shots.prototypes_ce, 15.0, not several)
    one = Shots(shots.features_ne[:1], shots.truth_nc[:1], shots.prototypes_ce, 15.0, not several)
    lone = Shots(
        shots.features_ne[:9], torch.eye(CLASSES, dtype=torch.float64)[[0] * 9], shots.prototypes_ce, 15.0, not several
    )
    for odd in (same, one, lone):
        for fitted in rung.fit(odd):
            assert fitted.logits(shots.features_ne).isfinite().all()


def test_what_is_not_known_moves_nothing():
    """The features of a picture of which nothing is known are looked at only for how steep the loss may be."""
    shots = drawn(True, hidden=0.3)
    shots.truth_nc[0] = -1
    for fit in (fit_class_adaptive, fit_lp_plus_plus):
        found = fit(shots)
        moved = Shots(shots.features_ne.clone(), shots.truth_nc, shots.prototypes_ce, shots.scale, exclusive=False)
        moved.features_ne[0] = -moved.features_ne[0]
        assert torch.allclose(fit(moved).weight_ce, found.weight_ce)


def test_settings_that_are_chosen_are_told():
    assert len(list(TIP_ADAPTER.fit(drawn(False)))) == 55
    assert [one.settings["steps"] for one in LINEAR_PROBE.fit(drawn(False))] == [10, 30, 100, 300]
    assert [one.settings["strength"] for one in CLASS_ADAPTIVE.fit(drawn(False))] == [100, 10, 1]
    assert len(list(LP_PLUS_PLUS.fit(drawn(False)))) == len(list(ZERO_SHOT.fit(drawn(False)))) == 1
