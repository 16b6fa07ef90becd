"""Views are taken where they help, and not where they harm or change nothing."""

from dataclasses import replace

import numpy as np
import pytest

from sfumato.decision.decision_spec import DecisionSpec
from sfumato.decision.view_choice import LEVEL, choose_views
from sfumato.labels import LabelSpace
from sfumato.predictions import UNKNOWN, Predictions

COUNTS = np.array([50, 50, 50])
KINDS = {"flips": (0, 1), "all": (0, 1, 2, 3)}


def table(logits, truth, groups=None) -> Predictions:
    ids = tuple(f"{i:04}" for i in range(len(truth)))
    return Predictions(ids, truth, logits.astype(np.float32), LabelSpace(("a", "b", "c")), groups)


def toy(samples=400, seed=0, own=(1.5, 1.5, 1.5, 1.5), groups=None, shared=0.0) -> dict[str, Predictions]:
    """Four views: the true class, and noise of which a part is the same in all of them."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, samples)
    same = shared * rng.normal(0, 1.5, (samples, 3))
    signal = 2 * np.eye(3)[truth] + same
    names = ("plain", "horizontal", "x0.9", "x1.1")
    return {
        name: table(signal + rng.normal(0, 1, (samples, 3)) * noise, truth, groups)
        for name, noise in zip(names, own, strict=True)
    }


def choose(said, kinds=KINDS, select="macro_f1"):
    return choose_views({"": said}, kinds, DecisionSpec(), {"": COUNTS}, select)


def test_views_that_see_anew_are_all_taken():
    choice = choose(toy())
    assert choice.views == ("plain", "horizontal", "x0.9", "x1.1")
    assert [one.name for one in choice.tried] == ["plain", "flips", "all"]
    assert [one.taken for one in choice.tried] == [True, True, True]
    losses = [one.loss for one in choice.tried]
    assert losses == sorted(losses, reverse=True)
    assert choice.tried[1].gain == pytest.approx(losses[0] - losses[1])
    assert choice.tried[2].gain == pytest.approx(losses[1] - losses[2])
    assert choice.reason == "all: likelier on 400 validation samples by more than chance would give, and scored no less"


def test_views_that_see_worse_are_not_taken():
    choice = choose(toy(own=(0.7, 6.0, 6.0, 6.0)))
    assert choice.views == ("plain",)
    assert choice.reason == "on 400 validation samples no others gain more than chance would give"


def test_the_same_view_again_gains_nothing():
    plain = toy()["plain"]
    choice = choose({"plain": plain, "horizontal": plain, "x0.9": plain, "x1.1": plain})
    assert choice.views == ("plain",)
    assert choice.tried[1].gain == pytest.approx(0, abs=1e-4)


def test_of_two_that_pay_the_dearer_must_gain_on_the_cheaper():
    said = toy()
    said |= {"x0.9": said["plain"], "x1.1": said["horizontal"]}  # nothing new beside the flip
    choice = choose(said)
    assert choice.views == ("plain", "horizontal")
    assert not choice.tried[-1].taken


def test_views_worth_nothing_are_seldom_taken():
    """A view that differs by a little noise gains nothing on average, and something by chance."""
    taken = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        truth = rng.integers(0, 3, 200)
        logits = 2 * np.eye(3)[truth] + rng.normal(0, 1.5, (200, 3))
        said = {"plain": table(logits, truth), "horizontal": table(logits + rng.normal(0, 0.05, (200, 3)), truth)}
        taken += len(choose(said, {"flips": (0, 1)}).views) > 1
    assert taken <= 60 * LEVEL + 2 * np.sqrt(60 * LEVEL)


def test_a_gain_in_likelihood_that_costs_answers_is_refused():
    """The flip is less wrong where the plain view is far off, and tips what it had right by a hair."""
    truth = np.repeat([0, 1, 2, 0, 0], [100, 100, 100, 40, 60])
    sure, hair, off = 3 * np.eye(3), [0.2, 0, -5], [-6, 0, -5]
    plain = np.concatenate([sure[truth[:300]], np.tile(hair, (40, 1)), np.tile(off, (60, 1))])
    flip = np.concatenate([sure[truth[:300]], np.tile([-0.4, 0, -5], (40, 1)), np.tile([-0.6, 0, -5], (60, 1))])
    first, flips = choose({"plain": table(plain, truth), "horizontal": table(flip, truth)}, {"flips": (0, 1)}).tried
    assert flips.gain > 3 * flips.error
    assert flips.score < first.score
    assert not flips.taken


def test_groups_count_once():
    """The same 30 objects, each 20 times: what the pictures of one object share is heard once."""
    groups = np.repeat(np.arange(30), 20)
    few = toy(samples=30, seed=3)
    said = {name: table(one.logits[groups], one.truth[groups], groups) for name, one in few.items()}
    alone = {name: replace(one, groups=None) for name, one in said.items()}
    grouped, single = choose(said).tried[1], choose(alone).tried[1]
    assert grouped.gain == pytest.approx(single.gain)
    assert grouped.error == pytest.approx(single.error * np.sqrt(20 * (30 / 29) / (600 / 599)))


def test_too_few_to_tell():
    choice = choose(toy(samples=19))
    assert choice.views == ("plain",)
    assert choice.reason == "19 validation samples, or groups of them, are too few to tell whether others pay"


def test_tasks_are_heard_together():
    helps, harms = toy(seed=1), toy(seed=1, own=(0.5, 8.0, 8.0, 8.0))
    counts = {"a": COUNTS, "b": COUNTS}
    both = choose_views({"a": helps, "b": harms}, KINDS, DecisionSpec(), counts, "accuracy")
    each = {
        task: choose_views({task: said}, KINDS, DecisionSpec(), counts, "accuracy")
        for task, said in (("a", helps), ("b", harms))
    }
    assert both.tried[0].loss == pytest.approx(np.mean([one.tried[0].loss for one in each.values()]))
    assert both.tried[1].score == pytest.approx(np.mean([one.tried[1].score for one in each.values()]))
    assert len(each["a"].views) > 1
    assert both.views == each["b"].views == ("plain",)


def test_a_sample_without_an_answer_is_not_heard():
    said = toy()
    truth = said["plain"].truth.copy()
    truth[:100] = UNKNOWN
    some = {name: replace(one, truth=truth) for name, one in said.items()}
    rest = {name: table(one.logits[100:], one.truth[100:]) for name, one in said.items()}
    assert choose(some) == choose(rest)
