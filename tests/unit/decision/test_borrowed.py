"""Classes without anything of their own, by those most like them."""

import numpy as np
import pytest

from sfumato.decision.borrowed import borrowed, shares_of
from sfumato.decision.decision_spec import DecisionSpec
from sfumato.decision.multilabel_fit import fit_multilabel
from sfumato.labels import LabelSpace
from sfumato.multilabel_predictions import MultilabelPredictions

RNG = np.random.default_rng(0)
LOGITS = (4 * RNG.normal(size=(300, 4)) + [0, 3, -3, 1]).astype(np.float32)


@pytest.fixture(scope="module")
def policy():
    there = (RNG.random((300, 4)) < 1 / (1 + np.exp(-(LOGITS - [0, 3, -3, 1])))).astype(np.int8)
    table = MultilabelPredictions(tuple(map(str, range(300))), there, LOGITS, LabelSpace(("a", "b", "c", "d")))
    return fit_multilabel((table,), DecisionSpec(calibration="platt"), 4)


def test_the_nearest_lend_by_their_cosines_and_a_known_class_lends_to_itself():
    shares = shares_of(np.array([[0.9, 0.8, 0.1, 0.85], [0.2, 0.99, 0.3, 0.4]]), (None, 0))
    assert shares[1].tolist() == [1, 0, 0, 0]
    weights = np.exp([9.0, 8.0, 8.5])
    assert shares[0, [0, 1, 3]] == pytest.approx(weights / weights.sum()) and shares[0, 2] == 0


def test_known_classes_are_decided_on_as_before_in_any_order(policy):
    own = (2, 0)
    found = borrowed(policy, shares_of(np.eye(4)[list(own)], own), own)
    plain, said = policy.apply(LOGITS), found.apply(LOGITS[:, list(own)])
    assert said.probabilities == pytest.approx(plain.probabilities[:, list(own)])
    assert (said.named == plain.named[:, list(own)]).all() and not found.borrows.any()


def test_a_new_class_is_what_its_lenders_would_be_at_its_logit(policy):
    shares = shares_of(np.array([[1.0, 1.0, -1.0, -1.0], [0, 0, 1, 0]]), (None, 2))
    shares[0] = [0.5, 0.5, 0, 0]
    found = borrowed(policy, shares, (None, 2))
    assert found.borrows.tolist() == [True, False]
    both = [policy.calibrated(np.repeat(LOGITS[:, [0]], 4, axis=1))[:, place] for place in (0, 1)]
    assert found.calibrated(LOGITS[:, [0, 2]])[:, 0] == pytest.approx(np.mean(both, axis=0))
    assert found.thresholds.values[0] == pytest.approx(policy.thresholds.values[:2].mean())
    assert found.thresholds.classes[0].note == "borrowed" and found.misses is None


def test_only_a_class_without_anything_of_its_own_is_calibrated_as_each_of_the_others(policy, monkeypatch):
    """However many classes there are, one more costs one look more."""
    asked, kind = [], type(policy.calibrator)
    plain = kind.probabilities
    monkeypatch.setattr(kind, "probabilities", lambda self, logits: asked.append(1) or plain(self, logits))
    own = (3, None, 1, 0)
    borrowed(policy, shares_of(np.eye(4), own), own).calibrated(LOGITS)
    assert len(asked) == 2
