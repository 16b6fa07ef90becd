"""Tables of all folds from those of each, on tables made by hand."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from sfumato.data.table import Task, make_table
from sfumato.decided import decide, joined, measure_decided
from sfumato.decision.conformal.sets import ConformalSpec
from sfumato.decision.decision_spec import DecisionSpec
from sfumato.decision.multilabel_policy import MultilabelVerdicts
from sfumato.decision.policy import Policy
from sfumato.decision.policy_fit import fit_policy
from sfumato.errors import InputError
from sfumato.folds.scores import scores_of
from sfumato.folds.tables import average, out_of_fold, refuse_other_data, trained_by_any, unmeasured
from sfumato.labels import LabelSpace
from sfumato.multilabel_predictions import MultilabelPredictions
from sfumato.predictions import Predictions

SPACE = LabelSpace(("a", "b", "c"))


def said(names: str, groups: list[int] | None = None) -> Predictions:
    truth = np.arange(len(names), dtype=np.int64) % 2
    logits = np.random.default_rng(len(names)).normal(size=(len(names), 3)).astype(np.float32)
    return Predictions(tuple(names), truth, logits, SPACE, None if groups is None else np.array(groups))


def table(folds: str, parts: list[str]):
    labels = [SPACE.names[i % 3] for i in range(len(folds))]
    frame = pl.DataFrame({"id": list("pqrstu")[: len(folds)], "images": [[]] * len(folds), "label": labels,
                          "fold": [one if one != "-" else None for one in folds], "part": parts},
                         schema_overrides={"images": pl.List(pl.String)})  # fmt: skip
    return make_table(frame, (Task("label", SPACE),), "made")


def test_every_sample_has_the_fold_that_held_it_out():
    found = out_of_fold({"0": said("pq"), "north": said("rst")})
    assert found.ids == tuple("pqrst")
    assert found.folds == ("0", "0", "north", "north", "north")
    assert np.array_equal(found.logits, np.concatenate([said("pq").logits, said("rst").logits]))
    assert found.groups is None


def test_groups_of_different_folds_stay_apart():
    found = out_of_fold({"0": said("pqr", [0, 0, 1]), "1": said("st"), "2": said("uv", [0, 0])})
    assert found.groups.tolist() == [0, 0, 1, 2, 3, 4, 4]


def test_a_sample_in_two_folds_is_refused():
    with pytest.raises(InputError, match="stands twice"):
        out_of_fold({"0": said("pq"), "1": said("q")})


def test_unmeasured_classes():
    assert unmeasured(out_of_fold({"0": said("pq"), "1": said("rs")})) == ["c"]


def labelled(names: str, truth: list[list[int]]) -> MultilabelPredictions:
    logits = np.random.default_rng(len(names)).normal(size=(len(names), 3)).astype(np.float32)
    return MultilabelPredictions(tuple(names), np.array(truth, dtype=np.int8).reshape(-1, 3), logits, SPACE)


def test_classes_that_no_sample_is_known_to_be_of_are_unmeasured():
    both = {"0": labelled("pq", [[1, 0, 0], [0, 0, 0]]), "1": labelled("r", [[1, -1, 1]])}
    found = out_of_fold(both)
    assert found.truth.tolist() == [[1, 0, 0], [0, 0, 0], [1, -1, 1]]
    assert found.folds == ("0", "0", "1")
    assert unmeasured(found) == ["b"]


def test_a_fold_without_a_sample_of_any_class_has_a_loss_and_exact_match_alone():
    found = scores_of(labelled("pq", [[0, 0, 0], [0, 0, 0]]))
    assert found.keys() == {"loss", "accuracy"}
    assert {"map", "macro_f1", "micro_f1"} <= scores_of(labelled("p", [[0, 1, 0]])).keys()
    assert scores_of(labelled("", [])) == {}


def test_verdicts_on_any_number_of_classes_are_joined():
    """Sets only where every fold promised some."""
    named, p = np.eye(3, dtype=bool), np.full((3, 3), 0.5)
    found = joined([MultilabelVerdicts(named, p, named), MultilabelVerdicts(~named, p, named)])
    assert np.array_equal(found.named, np.concatenate([named, ~named])) and found.sets.shape == (6, 3)
    assert joined([MultilabelVerdicts(named, p, named), MultilabelVerdicts(named, p)]).sets is None


def test_the_average_of_equal_tables_decides_as_each():
    found = average([said("pqrs")] * 3, Policy())
    assert np.allclose(Policy().apply(found.logits).probabilities, Policy().apply(said("pqrs").logits).probabilities)


def test_folds_are_measured_under_the_policies_that_decided_them():
    """Each with a temperature and sets of its own; by hand over the samples of both."""
    tables = [said("".join(map(chr, range(200, 240)))), said("".join(map(chr, range(300, 350))))]
    policies = [fit_policy(one, DecisionSpec(sets=ConformalSpec(alpha=0.3)), np.ones(3, np.int64)) for one in tables]
    assert policies[0].pool_at != policies[1].pool_at
    both = [decide(policy, one.logits) for policy, one in zip(policies, tables, strict=True)]
    scores = measure_decided(out_of_fold(dict(zip("01", tables, strict=True))), joined(both)).scores
    held, losses = [], []
    for policy, one in zip(policies, tables, strict=True):
        own = np.arange(len(one)), one.truth
        held.append(policy.apply(one.logits).sets[own])
        losses.append(-np.log(policy.calibrated(one.logits)[own]))
    assert scores["set_coverage"].value == pytest.approx(np.concatenate(held).mean())
    assert scores["nll"].value == pytest.approx(np.concatenate(losses).mean())
    assert {"nll_before", "ece_before", "brier_change", "aurc", "set_size"} <= scores.keys()


def test_what_any_run_trained_on_counts_once():
    one, other = table("001", ["val", "val", "train"]), table("001", ["train", "train", "val"])
    assert trained_by_any([one, other])[""].tolist() == [1, 1, 1]


def test_data_that_changed_between_folds_is_refused():
    first = table("001", ["val", "val", "train"])
    refuse_other_data(first, table("001", ["train", "train", "val"]), "cv")
    with pytest.raises(InputError, match="^cv: the data is no longer what the first fold was dealt from; begin anew"):
        refuse_other_data(first, table("010", ["train", "val", "train"]), "cv")
    with pytest.raises(InputError, match="no longer"):
        refuse_other_data(first, replace(first, rows=first.rows.head(2)), "cv")
