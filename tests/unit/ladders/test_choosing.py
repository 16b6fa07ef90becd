"""Settings are chosen by pictures that they do not answer for, and shots are as many as asked for."""

import numpy as np
import pytest

from sfumato.decision.dealing import deal
from sfumato.errors import InputError
from sfumato.labels import LabelSpace
from sfumato.ladders.choosing import FOLDS, choose
from sfumato.ladders.drawing_shots import drawn_shots
from sfumato.ladders.judge import Judge
from sfumato.predictions import Predictions


def judge(truth, groups=None) -> Judge:
    ids, nothing = tuple(map(str, range(len(truth)))), np.zeros((len(truth), 3), dtype=np.float32)
    return Judge(Predictions(ids, truth, nothing, LabelSpace(("a", "b", "c")), groups), "accuracy")


def drawn(samples=200, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, samples)
    return truth, [np.eye(3)[truth] * by + rng.normal(0, 1, (samples, 3)) for by in (0.0, 0.6, 0.5)]


def test_each_fold_is_answered_for_under_what_the_others_choose():
    truth, tried = drawn()
    found, fold = choose(tried, judge(truth)), deal(truth, None, FOLDS)
    for held in range(FOLDS):
        others = [(one.argmax(axis=1) == truth)[fold != held].mean() for one in tried]
        assert np.array_equal(found.honest[fold == held], tried[int(np.argmax(others))][fold == held])
    assert found.place == np.argmax([(one.argmax(axis=1) == truth).mean() for one in tried])


def test_many_useless_settings_gain_nothing():
    """What the best of thirty guesses seems to reach, cross-fitting does not: on average it is chance."""
    best, honest = [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        truth, tried = rng.integers(0, 3, 90), [rng.normal(size=(90, 3)) for _ in range(30)]
        found, of, everyone = choose(tried, judge(truth)), judge(truth), np.ones(90, dtype=bool)
        best.append(of.score(tried[found.place], everyone))
        honest.append(of.score(found.honest, everyone))
    assert np.mean(best) > 0.42
    assert np.mean(honest) == pytest.approx(1 / 3, abs=0.03)


def test_of_equal_settings_the_first_is_taken():
    truth, tried = drawn()
    assert choose([tried[1], tried[1].copy()], judge(truth)).place == 0


def test_groups_are_dealt_whole():
    truth, tried = drawn()
    groups = np.arange(200) // 10
    found, fold = choose(tried, judge(truth, groups)), deal(truth, groups, FOLDS)
    assert len(np.unique(fold[:10])) == 1 and found.honest.shape == (200, 3)


@pytest.mark.parametrize("shots", [1, 4, 1000])
def test_shots_are_as_many_of_each_class(shots):
    truth = np.random.default_rng(0).integers(0, 3, 100)
    rows = drawn_shots(truth, 3, shots, seed=0)
    assert np.bincount(truth[rows]).tolist() == np.minimum(shots, np.bincount(truth)).tolist()
    assert (np.diff(rows) > 0).all() and np.array_equal(rows, drawn_shots(truth, 3, shots, seed=0))
    assert set(drawn_shots(truth, 3, 1, 0)) <= set(rows)  # more shots are the same ones and others


def test_pictures_of_several_classes_are_drawn_until_no_class_lacks_any():
    truth = (np.random.default_rng(0).random((300, 3)) < [0.6, 0.3, 0.1]).astype(np.int8)
    truth[::7, 1] = -1
    rows = drawn_shots(truth, 3, 5, seed=0)
    assert ((truth[rows] == 1).sum(axis=0) >= 5).all() and len(rows) < 40
    assert (truth[rows] == 1).any(axis=1).all()
    assert np.array_equal(drawn_shots(truth, 3, None, seed=0), np.arange(300))


def test_where_no_picture_is_of_any_class_there_are_no_shots():
    truth = np.array([[0, 0, 0], [0, -1, 0]], dtype=np.int8)
    with pytest.raises(InputError, match="no training picture is of any class"):
        drawn_shots(truth, 3, 1, seed=0)
