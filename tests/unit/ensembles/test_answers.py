"""What a member of an ensemble answers, in the classes' common order, is what its own policy says."""

from pathlib import Path

import numpy as np
import pytest

from sfumato.decision.policy import Policy
from sfumato.decision.thresholds.answering import fit_answer_thresholds
from sfumato.decision.thresholds.rules import LeastCost
from sfumato.decision.thresholds.threshold_spec import ThresholdSpec
from sfumato.ensembles.joined import Said


@pytest.mark.parametrize("columns", [None, [0, 1], [1, 0]])
def test_a_member_answers_by_its_thresholds_in_any_order_of_classes(columns):
    own = np.array([[0.3, 0.7], [0.1, 0.9], [0.8, 0.2]])
    nothing = np.zeros((0, 2)), np.zeros(0, dtype=np.int64)
    policy = Policy(thresholds=fit_answer_thresholds(*nothing, ThresholdSpec(rule=LeastCost(miss=4.0)), 0))
    answers = policy.choose(own)  # its first class from 0.2 on
    assert answers.tolist() == [0, 1, 0]
    order = columns or [0, 1]
    said = Said(Path("t"), policy, None, None if columns is None else np.array(columns))
    common = np.log(own[:, order]).astype(np.float32)
    assert np.array(order)[said.answers(common)].tolist() == answers.tolist()


def test_a_member_without_thresholds_answers_the_likeliest_class():
    said = Said(Path("t"), Policy(), None, np.array([2, 0, 1]))
    assert said.answers(np.log(np.array([[0.2, 0.5, 0.3]], dtype=np.float32))).tolist() == [1]
