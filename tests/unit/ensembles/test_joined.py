"""Tables of two members about the same samples, in other orders and forms."""

import numpy as np
import pytest
from scipy.special import expit

from sfumato.decision.calibrators.class_temperature import ClassTemperature
from sfumato.decision.multilabel_policy import MultilabelPolicy
from sfumato.decision.policy import Policy
from sfumato.decision.thresholds.rules import FBeta
from sfumato.decision.thresholds.thresholds import ClassThreshold, Thresholds
from sfumato.ensembles.joined import join_tables
from sfumato.errors import InputError
from sfumato.labels import LabelSpace
from sfumato.multilabel_predictions import MultilabelPredictions
from sfumato.predict.together import columns_of
from sfumato.predictions import UNKNOWN, Predictions
from sfumato.tasks import TaskLayout

NAMES, IDS = ("a", "b", "c"), tuple(f"{row}.png" for row in range(40))


def policy(*limits: float) -> MultilabelPolicy:
    rows = tuple(ClassThreshold(one, None, None, None, 3, 0.5, 0.5, 0.5, "") for one in limits)
    thresholds = Thresholds(FBeta(), 0.5, 10.0, 40, rows)
    return MultilabelPolicy(ClassTemperature((2.0, 1.0, 0.5), (3, 3, 3), exclusive=False, samples=40), thresholds)


def test_labels_and_samples_in_another_order_are_joined(tmp_path):
    """The second table names the classes backwards and lists the samples so; its policy goes by its own order."""
    rng = np.random.default_rng(0)
    truth = (rng.random((40, 3)) < 0.4).astype(np.int8)
    truth[5] = UNKNOWN
    one, two = rng.normal(0, 3, (2, 40, 3)).astype(np.float32)
    MultilabelPredictions(IDS, truth, one, LabelSpace(NAMES)).write(tmp_path / "a.parquet")
    back = LabelSpace(NAMES[::-1])
    turned = MultilabelPredictions(IDS[::-1], truth[::-1, ::-1], two[::-1, ::-1], back)
    turned.write(tmp_path / "b.parquet")
    policies = [policy(0.2, 0.5, 0.8), policy(0.3, 0.6, 0.1)]
    joined = join_tables([tmp_path / "a.parquet", tmp_path / "b.parquet"], policies)
    assert joined.samples.several and joined.samples.known().tolist() == [row for row in range(40) if row != 5]
    assert np.array_equal(joined.samples.so(np.arange(5)), truth[:5] == 1)
    first, second = joined.said
    for member, logits, limits, heat in (
        (first, one, [0.2, 0.5, 0.8], [2, 1, 0.5]),
        (second, two, [0.1, 0.6, 0.3], [0.5, 1, 2]),
    ):
        found, answers = np.zeros((40, 3), np.float32), np.zeros((40, 3), bool)
        for chunk, said in member.of(np.arange(40)):
            found[chunk], answers[chunk] = said, member.answers(said)
        assert found == pytest.approx(logits / heat, abs=1e-3)
        assert np.array_equal(answers, expit(logits / heat) >= limits)


def test_one_class_a_sample_and_several_do_not_join(tmp_path):
    logits = np.zeros((40, 3), np.float32)
    Predictions(IDS, np.zeros(40, np.int64), logits, LabelSpace(NAMES)).write(tmp_path / "a.parquet")
    MultilabelPredictions(IDS, np.zeros((40, 3), np.int8), logits, LabelSpace(NAMES)).write(tmp_path / "b.parquet")
    with pytest.raises(
        InputError, match="b.parquet: several classes a sample; expected one class a sample, as in .*a.par"
    ):
        join_tables([tmp_path / "a.parquet", tmp_path / "b.parquet"], [Policy(), policy(0.5, 0.5, 0.5)])
    several, one = TaskLayout({"": LabelSpace(NAMES)}, multilabel=True), TaskLayout({"": LabelSpace(NAMES)})
    with pytest.raises(
        InputError, match="^x: one class a picture; expected any number of classes a picture, as the oth"
    ):
        columns_of(one, several, "x")
