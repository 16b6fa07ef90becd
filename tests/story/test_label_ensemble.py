"""Bundles that name any number of classes a picture become one: two routes to the same labels, fused a label or together."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score
from tests.pictures import marks

import sfumato
from sfumato.cli import main
from sfumato.data.images import decode
from sfumato.decision.dealing import deal
from sfumato.decision.fusion.fitting import fit_fusion
from sfumato.decision.fusion.fusion import said_by
from sfumato.errors import InputError
from sfumato.multilabel_predictions import MultilabelPredictions
from sfumato.predictions import UNKNOWN

RECIPE = """
name: marks
data: {source: table.csv, columns: {label: marks}, split: {val: 0.3, test: 0.3}}
model: {backbone: test_efficientnet, weights: none}
train: {epochs: 1, precision: fp32, workers: 0}
timeline:
  - {at: 0ep, image_size: 32, batch_size: 32}
"""
KINDS = ("average", "weighted", "stacked", "mlp")
SAMPLES = {"val": 400, "test": 300}
SEES = {"a": (1, 0, 1), "b": (0, 1, 1)}
"""Which of the three labels each member sees."""


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """A run and its copy, with tables as if each saw two of the three labels and guessed at the third's frequency."""
    root = tmp_path_factory.mktemp("label-ensemble")
    marks(root, 60)
    (root / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    sfumato.train(root / "recipe.yaml", out=root / "a", quiet=True)
    shutil.copytree(root / "a", root / "b")
    for part, samples in SAMPLES.items():
        rng = np.random.default_rng(samples)
        there = rng.random((samples, 3)) < [0.5, 0.4, 0.3]
        truth = np.where(np.arange(samples)[:, None] == 7, UNKNOWN, there).astype(np.int8)
        truth[11::40, 1] = UNKNOWN  # of these the other labels are known
        for name, sees in SEES.items():
            seen = np.array(sees) * 2.0
            logits = seen * (rng.normal(size=there.shape) + seen * (there - 0.5)) + np.log([1, 2 / 3, 3 / 7])
            path = root / name / "predictions" / f"{part}.parquet"
            labels = MultilabelPredictions.read(path).labels
            ids = tuple(f"{part}-{row}.png" for row in range(samples))
            MultilabelPredictions(ids, truth, logits.astype(np.float32), labels).write(path)
    return root


@pytest.fixture(scope="module")
def made(root) -> dict[str, sfumato.Ensemble]:
    return {k: sfumato.ensemble([root / "a", root / "b"], kind=k, out=root / f"e-{k}", quiet=True) for k in KINDS}


def said(root: Path, part: str):
    """What each member says, by the policy of its bundle, and the truth of the samples of which it is known."""
    tables = {name: MultilabelPredictions.read(root / name / "predictions" / f"{part}.parquet") for name in SEES}
    each = [said_by(sfumato.load(root / name).policy, table.logits) for name, table in tables.items()]
    return each, tables["a"]


def known_macro_f1(truth, named) -> float:
    """Mean over the labels of scikit-learn's F1 on the samples that have the label's answer."""
    columns = zip(truth.T, named.T, strict=True)
    return float(np.mean([f1_score(so[so != UNKNOWN], said[so != UNKNOWN]) for so, said in columns]))


@pytest.mark.parametrize("kind", KINDS)
def test_it_names_what_fusing_its_members_gives(root, made, kind):
    pictures = sorted(str(path) for path in (root / "pictures").glob("*.png"))[:8]
    pixels, whole, fusion = [decode(path) for path in pictures], sfumato.load(made[kind].bundle), made[kind].fusion
    members = [sfumato.load(root / name) for name in SEES]
    fused = fusion.fuse([said_by(one.policy, one.logits(pixels)) for one in members])
    assert not fusion.exclusive
    verdicts = whole.policy.apply(fused)
    for decision, p, named in zip(whole.predict(pictures), verdicts.probabilities, verdicts.named, strict=True):
        assert decision.probabilities == pytest.approx(dict(zip(whole.labels.names, p, strict=True)), abs=1e-5)
        assert set(decision.labels) == {name for name, one in zip(whole.labels.names, named, strict=True) if one}


@pytest.mark.parametrize("kind", KINDS)
def test_no_sample_is_scored_by_weights_that_were_fitted_on_it(root, made, kind):
    each, table = said(root, "val")
    known = (table.truth != UNKNOWN).any(axis=1)
    fold, found = deal(table.there, None, 5), made[kind].predictions["val"]
    for held in range(5):
        other, mine = known & (fold != held), fold == held
        fusion = fit_fusion(kind, [one[other] for one in each], table.truth[other])
        assert np.allclose(found.logits[mine], fusion.fuse([one[mine] for one in each]), atol=1e-5)
    assert made[kind].fusion == fit_fusion(kind, [one[known] for one in each], table.truth[known])


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_those_of_the_fused_tables(root, made, kind):
    done, test = made[kind], made[kind].predictions["test"].known()
    named = sfumato.load(done.bundle).policy.apply(test.logits).named
    part = done.summary.test
    whole = (test.truth != UNKNOWN).all(axis=1)
    right = (named == test.there).all(axis=1)[whole]
    assert part.results["complete"] == whole.sum() < len(test)
    assert part.results["scores"]["accuracy"]["value"] == pytest.approx(right.mean())
    assert part.results["scores"]["macro_f1"]["value"] == pytest.approx(known_macro_f1(test.truth, named))
    best = "ab"[done.summary.best]
    single = MultilabelPredictions.read(root / best / "predictions/test.parquet").known()
    alone = sfumato.load(root / best).policy.apply(single.logits).named
    assert part.members[done.summary.best] == pytest.approx((alone == test.there).all(axis=1)[whole].mean())
    better = known_macro_f1(test.truth, named) - known_macro_f1(test.truth, alone)
    assert part.comparison.macro_f1.value == pytest.approx(better)
    assert part.comparison.accuracy.value == pytest.approx(right.mean() - part.members[done.summary.best])
    assert part.comparison.accuracy.low > 0  # each member is blind to a label
    assert (part.layer is None) == (kind != "mlp")


def test_each_label_heeds_the_member_that_sees_it(made):
    """Chosen by inner folds: the first label is the first member's, the second the second's, the third both see."""
    weights = np.array(made["weighted"].fusion.weights)
    assert weights.shape == (2, 3)
    assert weights[0, 0] > 0.85 and weights[1, 1] > 0.85 and 0.2 < weights[0, 2] < 0.8


def test_bundles_alone_have_nothing_to_fit_thresholds_on(root, tmp_path):
    bare = [Path(shutil.copytree(root / name / "bundle", tmp_path / name)) for name in SEES]
    with pytest.raises(InputError, match="no predictions table beside it, which thresholds, --max-error and all kinds"):
        sfumato.ensemble(bare, out=tmp_path / "e", quiet=True)


def test_what_means_one_class_a_picture_is_refused(root, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(root)
    for arguments, message in {
        (
            "--max-error",
            "0.1",
        ): "--max-error: answers of any number of classes a picture are not withheld; expected mem",
        ("--weights", "shared"): "--weights: no effect with --kind average",
    }.items():
        monkeypatch.setattr("sys.argv", ["sfumato", "ensemble", "a", "b", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        found = capsys.readouterr().err
        assert stop.value.code == 2 and message in found and found.count("\n") == 1
    assert not (root / "runs").exists()


def test_other_truth_is_refused_with_its_labels(root, tmp_path):
    shutil.copytree(root / "b", tmp_path / "b")
    path = tmp_path / "b/predictions/val.parquet"
    table = MultilabelPredictions.read(path)
    truth = table.truth.copy()
    truth[3] = 1 - truth[3]
    replace(table, truth=truth).write(path)
    here, there = (", ".join(np.array(table.labels.names)[of[3] == 1]) for of in (truth, table.truth))
    with pytest.raises(InputError) as caught:
        sfumato.ensemble([root / "a", tmp_path / "b"], out=tmp_path / "out", quiet=True)
    assert str(caught.value).startswith(f"{path}: sample 'val-3.png' is {here!r}, in ")
    assert f"it is {there!r}; expected the same truth" in str(caught.value)


def test_a_promise_that_would_be_lost_is_refused(root, tmp_path):
    shutil.copytree(root / "b", tmp_path / "b")
    done = sfumato.decide(tmp_path / "b", overrides={"decision.misses": 0.1}, out=tmp_path / "c", quiet=True)
    with pytest.raises(InputError, match=r"a bundle with decision\.misses, which an ensemble does not carry"):
        sfumato.ensemble([root / "a", done.folder], out=tmp_path / "out", quiet=True)


def test_the_verb_says_what_it_made(root, made, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(root)
    out = str(tmp_path / "e")
    monkeypatch.setattr("sys.argv", ["sfumato", "ensemble", "a", "b", "--kind", "weighted", "--out", out, "--json"])
    with pytest.raises(SystemExit):
        main()
    assert json.loads(capsys.readouterr().out)["summary"]["weights"] == [
        list(row) for row in made["weighted"].fusion.weights
    ]
