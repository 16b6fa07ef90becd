"""Whether the classes are otherwise frequent: said where it is so, and nowhere else."""

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from sfumato.decision.calibration import Temperature
from sfumato.decision.logit_adjustment import LogitAdjustment
from sfumato.decision.policy import Policy
from sfumato.decision.prior_shift import PriorShift
from sfumato.evaluation.frequencies import evidence, moved_frequencies, sentences
from sfumato.labels import LabelSpace
from sfumato.predictions import UNKNOWN, Predictions
from sfumato.recipe.load import parse_override

NAMES = ("chart", "other")
TRAINED = np.array([50, 150])
POLICY = Policy(Temperature(1.0, 100))
RECIPE = """
data: {source: maps}
model: {backbone: test_efficientnet, weights: none}
train: {epochs: 3}
timeline:
  - {at: 0ep, image_size: 32, batch_size: 16, sampler_power: POWER}
"""


def said(share: float, samples: int = 400, seed: int = 0, lean: float = 0.0) -> Predictions:
    """Honest at one chart in four, whatever the share here is; `lean` is added to the log-odds of charts."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(samples) >= share).astype(np.int64)
    z = rng.normal(2 * (truth == 0) - 1, 1) * 2 + np.log(0.25 / 0.75) + lean
    logits = np.stack([z / 2, -z / 2], axis=1).astype(np.float32)
    return Predictions(tuple(map(str, range(samples))), truth, logits, LabelSpace(NAMES))


def bundle(power: float = 0.0, **more):
    rows = [{"name": name, "trained": int(count)} for name, count in zip(NAMES, TRAINED, strict=True)]
    return SimpleNamespace(recipe=RECIPE.replace("POWER", str(power)), results={"test": {"classes": rows}}, **more)


def test_where_nothing_moved_it_is_seldom_said():
    found = [evidence(said(0.25, seed=seed), POLICY, TRAINED) for seed in range(200)]
    assert sum(one is not None for one in found) <= 12  # 5 %, and some more by chance


@pytest.mark.parametrize("share", [0.05, 0.6])
def test_where_it_did_the_frequencies_are_found(share):
    found = evidence(said(share, 2000), POLICY, TRAINED)
    assert found is not None and found.p < 1e-6
    assert found.taken == pytest.approx([0.25, 0.75])
    assert found.predicted == pytest.approx([share, 1 - share], abs=0.03)


def test_labels_are_not_needed():
    unlabelled = replace(said(0.05), truth=np.full(400, UNKNOWN))
    found = evidence(unlabelled, POLICY, TRAINED)
    assert found is not None and found.predicted[0] < 0.12


def test_a_bundle_that_leans_to_a_class_is_not_taken_for_a_shift():
    leaning = said(0.25, 2000, lean=1.5)
    assert evidence(replace(leaning, truth=np.full(2000, UNKNOWN)), POLICY, TRAINED) is not None
    assert evidence(leaning, POLICY, TRAINED) is None  # its labels know better


def test_the_frequencies_of_the_recipe_are_those_it_was_made_for():
    shifted = replace(POLICY, shift=PriorShift((0.25, 0.75), (0.05, 0.95)))
    assert evidence(said(0.05, 2000), shifted, None) is None
    found = evidence(said(0.25, 2000), shifted, None)
    assert found is not None and found.predicted[0] == pytest.approx(0.25, abs=0.03)


def test_of_probabilities_that_are_not_honest_nothing_is_said():
    moved = said(0.05, 2000)
    adjusted = replace(POLICY, adjustment=LogitAdjustment(1.0, (0.25, 0.75), None))
    assert evidence(moved, Policy(), TRAINED) is None
    assert evidence(moved, adjusted, TRAINED) is None
    assert evidence(moved, POLICY, None) is None


def test_copies_are_no_evidence():
    few = said(0.15, 30, seed=1)
    copies = Predictions(
        tuple(map(str, range(600))),
        np.tile(few.truth, 20),
        np.tile(few.logits, (20, 1)),
        few.labels,
        np.tile(np.arange(30), 20),
    )
    assert evidence(replace(copies, groups=None), POLICY, TRAINED) is not None
    assert evidence(few, POLICY, TRAINED) is None and evidence(copies, POLICY, TRAINED) is None


def test_a_great_table_is_drawn_from():
    found = evidence(said(0.2, 1_200_000), POLICY, TRAINED)
    assert found is not None and found.predicted[0] == pytest.approx(0.2, abs=0.01)


def test_what_training_corrected_is_at_no_known_frequency():
    said_of = {"": said(0.05, 2000)}
    assert set(moved_frequencies(said_of, {"": POLICY}, bundle())) == {""}
    assert moved_frequencies(said_of, {"": POLICY}, bundle(0.5)) == {}
    assert moved_frequencies(said_of, {"": POLICY}, replace_recipe("not: [a, recipe]")) == {}


def replace_recipe(text: str):
    found = bundle()
    found.recipe = text
    return found


def test_the_sentence_says_how_to_correct_it_in_a_command_that_is_one():
    moved = moved_frequencies({"": said(0.05, 2000)}, {"": POLICY}, bundle())
    (text,) = sentences(moved)
    assert "chart 5." in text and "(made for 25.0 %)" in text and "\n" not in text
    path, value = parse_override(re.search(r"--set '(.+)'`", text).group(1))
    assert path == "decision.priors" and value == pytest.approx(
        dict(zip(NAMES, moved[""].predicted, strict=True)), rel=0.01
    )
    document = moved[""].to_dict()
    assert document["classes"]["chart"]["made_for"] == 0.25 and document["p"] < 0.05


def test_of_one_of_several_tasks_there_is_no_command():
    one = moved_frequencies({"": said(0.05, 2000)}, {"": POLICY}, bundle())[""]
    (text,) = sentences({"gate": replace(one, task="gate")})
    assert text.startswith("gate: the classes") and text.endswith("decision.priors corrects a bundle of one task")


def test_of_many_classes_those_that_moved_most_are_named():
    rng = np.random.default_rng(0)
    names = tuple(f"c{i}" for i in range(12))
    new = np.array([5, *[1] * 11]) / 16
    truth = rng.choice(12, 2000, p=new)
    logits = (3 * np.eye(12)[truth] + rng.normal(0, 1, (2000, 12))).astype(np.float32)
    table = Predictions(tuple(map(str, range(2000))), truth, 3 * logits, LabelSpace(names))
    (text,) = sentences({"": evidence(table, POLICY, np.full(12, 10))})
    assert text.count("made for") == 6 and "and others" in text and "metrics.json" in text
