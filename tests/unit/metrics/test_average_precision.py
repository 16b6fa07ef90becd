import numpy as np
import pytest
from hypothesis import given
from sklearn import metrics as sk
from tests.unit.metrics.scored import several, single

from sfumato.metrics.average_precision import FORMS, average_precision
from sfumato.predictions import UNKNOWN


@pytest.mark.parametrize("decimals", [1, 2, 9])  # with many ties, some, none
def test_average_precision_equals_scikit_learn(decimals):
    rng = np.random.default_rng(decimals)
    compared = 0
    for _ in range(20):
        scores, truth = np.round(rng.dirichlet(np.ones(6), 80), decimals), rng.integers(0, 5, 80)
        found = average_precision(truth, scores)
        assert np.isnan(found[5])
        for index in np.unique(truth).tolist():
            assert found[index] == pytest.approx(sk.average_precision_score(truth == index, scores[:, index]))
            compared += 1
    assert compared >= 95


def test_average_precision_of_a_hand_example():
    # ranks of class 0: right, wrong, right: (1/1 + 2/3) / 2
    scores = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3]])
    assert average_precision(np.array([0, 1, 0]), scores) == pytest.approx([(1 + 2 / 3) / 2, 1 / 2])


def ranked(text):
    """(N, 1) truth and falling scores: + is of the class."""
    return np.array([[sign == "+"] for sign in text]), -np.arange(len(text), dtype=float)[:, np.newaxis]


@pytest.mark.parametrize(
    ("ranks", "step", "all_point", "eleven_point"),
    [
        # precision 1, 2/3, 3/5 at recall 1/3, 2/3, 1; recalls 0 to 0.3, 0.4 to 0.6, 0.7 to 1
        ("+-+-+", (1 + 2 / 3 + 3 / 5) / 3, (1 + 2 / 3 + 3 / 5) / 3, (4 * 1 + 3 * 2 / 3 + 4 * 3 / 5) / 11),
        # precision 1/2, 2/3 at recall 1/2, 1: the second is the better and stands for both
        ("-++", (1 / 2 + 2 / 3) / 2, 2 / 3, 2 / 3),
        # 10 of the class: the recall of 0.3 is reached by the third
        ("+++" + "-" * 7 + "+" * 7, None, (3 + 7 * 10 / 17) / 10, (4 + 7 * 10 / 17) / 11),
        ("+", 1, 1, 1),
        ("-+", 1 / 2, 1 / 2, 1 / 2),
    ],
)  # fmt: skip
def test_hand_examples_of_the_three_forms(ranks, step, all_point, eleven_point):
    for form, expected in (("step", step), ("all_point", all_point), ("eleven_point", eleven_point)):
        if expected is not None:
            assert average_precision(*ranked(ranks), form)[0] == pytest.approx(expected), form


def of_the_development_kit(own, scores, eleven):
    """Literally what VOCdevkit's VOCevalcls does, in thresholds so that equal scores are one cut."""
    cuts = np.unique(scores)[::-1]
    hits, named = (np.array([(of >= cut).sum() for cut in cuts]) for of in (scores[own], scores))
    recall, precision = hits / own.sum(), hits / named
    if eleven:
        return sum(precision[recall >= t / 10 - 1e-12].max(initial=0) for t in range(11)) / 11
    recall, precision = np.concatenate([[0], recall, [1]]), np.concatenate([[0], precision, [0]])
    for i in range(len(precision) - 2, -1, -1):
        precision[i] = max(precision[i], precision[i + 1])
    at = np.flatnonzero(recall[1:] != recall[:-1]) + 1
    return ((recall[at] - recall[at - 1]) * precision[at]).sum()


@pytest.mark.parametrize("made", [single(), several()])
def test_all_forms_equal_their_references(made):
    @given(made)
    def check(data):
        truth, scores = data
        found = {form: average_precision(truth, scores, form) for form in FORMS}
        for column in range(scores.shape[1]):
            own = truth == column if truth.ndim == 1 else truth[:, column] == 1
            if not own.any():
                assert all(np.isnan(values[column]) for values in found.values())
                continue
            marks = scores[:, column]
            assert found["step"][column] == pytest.approx(sk.average_precision_score(own, marks))
            assert found["all_point"][column] == pytest.approx(of_the_development_kit(own, marks, eleven=False))
            assert found["eleven_point"][column] == pytest.approx(of_the_development_kit(own, marks, eleven=True))
            assert found["step"][column] <= found["all_point"][column] + 1e-12

    check()


def test_the_three_forms_differ():
    truth, scores = ranked("+--+-++-+-")
    assert len({round(average_precision(truth, scores, form)[0], 3) for form in FORMS}) == 3


@given(several(unknown=True))
def test_what_is_not_known_of_a_sample_counts_nowhere(data):
    truth, scores = data
    found = average_precision(truth, scores)
    for column in range(scores.shape[1]):
        known = truth[:, column] != UNKNOWN
        alone = average_precision(truth[known, column, np.newaxis], scores[known, column, np.newaxis])[0]
        assert found[column] == pytest.approx(alone, nan_ok=True)


def test_scores_as_fine_as_float32_are_told_apart():
    one = np.float32(0.5)
    scores = np.array([one, np.nextafter(one, np.float32(1))])[:, np.newaxis]
    assert average_precision(np.array([[1], [0]]), scores)[0] == 0.5
    assert average_precision(np.array([[0], [1]]), scores)[0] == 1
