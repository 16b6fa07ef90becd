"""Fusing tables made by hand: no sample, and none of its group, is scored by weights that were fitted on it."""

from dataclasses import replace

import numpy as np
import pytest

from sfumato.decision.dealing import deal
from sfumato.decision.fusion.fitting import equal_weights, fit_fusion
from sfumato.decision.fusion.fusion import log_probabilities
from sfumato.decision.policy import Policy
from sfumato.ensembles.fusing import FOLDS, fit_tables
from sfumato.ensembles.joined import join_tables
from sfumato.ensembles.summary import sharing_words
from sfumato.errors import InputError
from sfumato.labels import LabelSpace
from sfumato.predictions import UNKNOWN, Predictions

SPACE = LabelSpace(("a", "b", "c"))


def tables(folder, samples: int, truth, groups=None, seed: int = 0):
    """Two members whose logits have nothing to do with the truth."""
    rng, paths = np.random.default_rng(seed), []
    for member in range(2):
        logits = rng.normal(size=(samples, 3)).astype(np.float32)
        paths.append(folder / f"{member}.parquet")
        Predictions(tuple(map(str, range(samples))), truth, logits, SPACE, groups).write(paths[-1])
    return join_tables(paths, [Policy()] * 2)


@pytest.mark.parametrize("kind", ["weighted", "stacked", "mlp"])
def test_each_sample_is_fused_by_what_was_fitted_without_its_group(tmp_path, kind):
    """Done again by hand."""
    rng = np.random.default_rng(0)
    groups, truth = np.arange(300) // 3, rng.integers(0, 3, 300)
    joined = tables(tmp_path, 300, truth, groups)
    fitted, fold = fit_tables(kind, joined), deal(truth, groups, FOLDS)
    assert all(len(set(fold[groups == group])) == 1 for group in range(100))
    said = [log_probabilities(Predictions.read(one.path).logits, one.policy) for one in joined.said]
    for held in range(FOLDS):
        other, mine = fold != held, fold == held
        fusion = fit_fusion(kind, [one[other] for one in said], truth[other], "auto", groups[other])
        assert np.allclose(fitted.fused.logits[mine], fusion.fuse([one[mine] for one in said]), atol=1e-5)
    assert fitted.fusion == fit_fusion(kind, said, truth, "auto", groups)


@pytest.mark.parametrize("kind", ["weighted", "stacked", "mlp"])
def test_of_labels_drawn_by_lot_nothing_is_known(tmp_path, kind):
    """What was fitted on a sample would know something of it; cross-fitted, chance is all there is."""
    truth = np.random.default_rng(5).integers(0, 3, 600)
    fused = fit_tables(kind, tables(tmp_path, 600, truth)).fused.logits
    assert (fused.argmax(axis=1) == truth).mean() == pytest.approx(1 / 3, abs=0.06)


def test_how_weights_are_shared_is_said_with_its_reason():
    shared, own = (
        equal_weights(2),
        replace(equal_weights(2), weights=((0.5, 0.5, 1.0), (0.5, 0.5, 0.0)), kind="weighted"),
    )
    assert "not likelier" in sharing_words(shared, 3)
    assert "each class has its own" in sharing_words(own, 3)
    assert "one probability tells them apart" in sharing_words(replace(shared, kind="weighted"), 2)
    assert "not likelier" in sharing_words(replace(shared, kind="weighted", exclusive=False), 2)


def test_a_hidden_layer_asks_for_200_samples_of_known_class(tmp_path):
    truth = np.random.default_rng(0).integers(0, 3, 250)
    truth[:51] = UNKNOWN
    joined = tables(tmp_path, 250, truth)
    with pytest.raises(InputError, match=r"0\.parquet: 199 samples of known class; expected 200 to fit mlp on"):
        fit_tables("mlp", joined)
    assert fit_tables("stacked", joined).fused.beside is None
