"""A recipe that asks how familiar pictures are: from training to the bundle, anew, over views, folds, tasks and soups."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.pictures import shapes_and_colours

import sfumato
from sfumato.bundle.folder import REFERENCES, read_bundle, write_bundle
from sfumato.cli import main
from sfumato.data.images import decode
from sfumato.data.preprocess import Preprocess
from sfumato.data.views import PLAIN
from sfumato.decision.doubt.drawn import drawn
from sfumato.decision.doubt.mahalanobis import fit_mahalanobis
from sfumato.errors import InputError
from sfumato.folds.averaged_bundle import make_averaged_bundle
from sfumato.folds.folder import CrossvalFolder
from sfumato.models.classifier import Classifier
from sfumato.predict.building import build_networks
from sfumato.predictions import Predictions
from sfumato.run_folder import RunFolder

BOTH = {
    "decision.abstain": {"coverage": 0.8, "by": "margin"},
    "decision.familiar": {"by": "mahalanobis", "refused": 0.1},
}
KNN = {"decision.abstain": {"coverage": 0.8, "by": "knn"}}
SHORT = {"train.epochs": 1, "timeline": [{"at": "0ep", "image_size": 32, "batch_size": 16}]}


@pytest.fixture(scope="module")
def run(small_recipe, tmp_path_factory) -> sfumato.Run:
    return sfumato.train(small_recipe, overrides=BOTH, out=tmp_path_factory.mktemp("familiar") / "run", quiet=True)


def places(run: sfumato.Run, ids) -> list[str]:
    table = RunFolder(run.folder).read_table()
    where = dict(zip(table.ids, table.first_images, strict=True))
    return [str(where[name]) for name in ids]


def same(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def features_of(bundle, paths) -> np.ndarray:
    preprocess = Preprocess.from_dict(bundle.transform, "here")
    (model,) = build_networks(bundle, preprocess, "here")
    images = [PLAIN.of(decode(path), preprocess, preprocess.size) for path in paths]
    with torch.inference_mode():
        return model.features(torch.stack(images)).numpy()


def test_a_bundle_says_what_the_table_says(run):
    model, said = sfumato.load(run.bundle), run.predictions["test"]
    verdicts = model.policy.apply(said.logits, said.familiarity)
    decisions = model.predict(places(run, said.ids))
    same([one.familiarity for one in decisions], said.familiarity)
    assert [one.abstained for one in decisions] == verdicts.abstained.tolist()
    strange = said.familiarity < model.policy.familiar.threshold
    unsure = model.policy.abstention.withheld(model.policy.sureness(said.logits, verdicts))
    assert verdicts.abstained.tolist() == (strange | unsure).tolist()
    val = run.predictions["val"].familiarity
    assert (val < model.policy.familiar.threshold).sum() == int(0.1 * (len(val) + 1)) - 1  # the lowest that is accepted


def test_familiarity_is_that_of_the_features_of_training_pictures(run):
    """Each step by hand: drawn, transformed as in validation, features, means and covariance."""
    train, bundle, said = RunFolder(run.folder).read_table().part("train"), read_bundle(run.bundle), run.predictions
    rows = drawn("mahalanobis", train.targets, 0)
    assert len(rows) == len(train)
    reference = fit_mahalanobis(features_of(bundle, [train.first_images[row] for row in rows]), train.targets[rows])
    expected = reference.familiarity(features_of(bundle, places(run, said["test"].ids)))
    np.testing.assert_allclose(said["test"].familiarity, expected, rtol=1e-4)
    assert set(bundle.references) == {"0.whitening", "0.means", "0.counts"}


def test_where_nothing_asks_nothing_is_measured(small_run):
    assert not (small_run.bundle / REFERENCES).exists()
    assert all(table.familiarity is None for table in small_run.predictions.values())
    assert "familiarity" not in sfumato.load(small_run.bundle).predict([np.zeros((9, 9, 3), np.uint8)])[0].to_dict()


def test_the_network_looks_once_at_a_picture(small_recipe, tmp_path, monkeypatch):
    """But for the training pictures of the reference, no more than a run that asks for nothing."""

    def looked(overrides, name) -> int:
        seen = 0
        forward = Classifier.features

        def counted(self, images):
            nonlocal seen
            seen += 0 if self.training else len(images)
            return forward(self, images)

        with monkeypatch.context() as patch:
            patch.setattr(Classifier, "features", counted)
            sfumato.train(small_recipe, overrides={**SHORT, **overrides}, out=tmp_path / name, quiet=True)
        return seen

    extra = looked(KNN, "with") - looked({}, "without")
    assert extra == len(RunFolder(tmp_path / "with").read_table().part("train"))


def typed(arguments, capsys):
    """Exit code, stdout and stderr of a command."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.setattr("sys.argv", ["sfumato", *map(str, arguments)])
        main()
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


def test_predict_has_a_column_of_it(run, tmp_path, capsys):
    said = run.predictions["test"]
    code, out, _ = typed(["predict", run.bundle, *places(run, said.ids[:2]), tmp_path / "none.png", "--quiet"], capsys)
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    same([float(row["familiarity"]) for row in rows[:2]], said.familiarity[:2])
    assert rows[2]["familiarity"] == "" and rows[2]["error"]


def test_evaluate_measures_the_same(run, small_recipe, tmp_path):
    found = sfumato.evaluate(run.bundle, small_recipe.parent / "photos", out=tmp_path / "e", quiet=True)
    table = Predictions.read(found.folder / "predictions.parquet")
    said = run.predictions["test"]
    rows = [table.ids.index(name) for name in said.ids]
    same(table.familiarity[rows], said.familiarity)


def test_it_is_decided_anew_from_the_table_alone(run, tmp_path):
    changes = {"decision.abstain": {"coverage": 0.7, "by": "mahalanobis"}, "decision.familiar": None}
    done = sfumato.decide(run.folder, overrides=changes, out=tmp_path / "by", quiet=True)
    said, policy = done.predictions["test"], sfumato.load(done.bundle).policy
    val = done.predictions["val"].familiarity
    assert policy.abstention.coverage == pytest.approx((val >= np.sort(val)[-int(np.ceil(0.7 * len(val)))]).mean())
    answered = said.familiarity[~policy.apply(said.logits, said.familiarity).abstained]
    assert answered.min() >= np.sort(val)[-int(np.ceil(0.7 * len(val)))]
    assert (done.bundle / REFERENCES).read_bytes() == (run.bundle / REFERENCES).read_bytes()
    page = (done.folder / "report.html").read_text(encoding="utf-8")
    assert "by the Mahalanobis distance" in page
    without = sfumato.decide(run.folder, overrides={"decision.familiar": None}, out=tmp_path / "without", quiet=True)
    assert not (without.bundle / REFERENCES).exists()
    assert sfumato.load(without.bundle).predict(places(run, said.ids[:1]))[0].familiarity is None


def test_what_was_not_measured_is_refused(run, small_run, tmp_path):
    for folder, by in ((run.folder, "knn"), (small_run.folder, "mahalanobis")):
        with pytest.raises(InputError, match=f"measured no familiarity by {by} when it was trained") as error:
            sfumato.decide(folder, overrides={"decision.familiar": {"by": by}}, out=tmp_path / "new", quiet=True)
        assert "\n" not in str(error.value)
        assert not (tmp_path / "new").exists()


def without(references, name):
    return {other: array for other, array in references.items() if other != name}


DAMAGED = {
    "none": (lambda known: None, "familiar.safetensors: missing"),
    "an array less": (lambda known: without(known, "0.means"), "damaged: 0.means is missing"),
    "an array more": (
        lambda known: {**known, "1.means": known["0.means"].clone()},
        "damaged: 1.means is of no network",
    ),
    "another kind": (lambda known: {"0.bank": known["0.means"]}, "damaged: 0.bank is of no network"),
    "a shape": (lambda known: {**known, "0.counts": known["0.means"].clone()}, "not class means: counts of shape"),
    "no numbers": (lambda known: {**known, "0.means": known["0.means"] * torch.nan}, "not class means: means"),
    "other features": (
        lambda known: {**known, "0.means": known["0.means"][:, 1:], "0.whitening": known["0.whitening"][1:, 1:]},
        "features; expected 256, as the network has",
    ),
}


@pytest.mark.parametrize("case", DAMAGED, ids=str)
def test_damaged_references_are_refused(case, run, tmp_path):
    change, said = DAMAGED[case]
    bundle = read_bundle(run.bundle)
    write_bundle(tmp_path / "bundle", replace(bundle, references=change(bundle.references)))
    with pytest.raises(InputError) as error:
        sfumato.load(tmp_path / "bundle")
    assert said in str(error.value) and REFERENCES in str(error.value)


def test_a_reference_that_no_policy_asks_for_is_refused(run, small_run, tmp_path):
    bundle = replace(read_bundle(small_run.bundle), references=read_bundle(run.bundle).references)
    write_bundle(tmp_path / "bundle", bundle)
    with pytest.raises(InputError, match=r"familiar\.safetensors: damaged: not all policies ask for it"):
        sfumato.load(tmp_path / "bundle")


def test_over_views_it_is_their_mean(small_recipe, tmp_path):
    overrides = {**SHORT, **KNN, "views": {"flips": ["horizontal"], "use": "always"}}
    done = sfumato.train(small_recipe, overrides=overrides, out=tmp_path / "run", quiet=True)
    said, model = done.predictions["test"], sfumato.load(done.bundle)
    pictures = [np.asarray(Image.open(path).convert("RGB")) for path in places(done, said.ids)]
    same([one.familiarity for one in model.predict(pictures)], said.familiarity)
    again = sfumato.decide(done.folder, out=tmp_path / "again", quiet=True)
    assert again.metrics == done.metrics


@pytest.mark.slow
def test_over_folds_each_network_has_its_own_reference(small_recipe, tmp_path):
    overrides = {**SHORT, "decision.familiar": {"by": "mahalanobis"}}
    done = sfumato.crossval(small_recipe, overrides=overrides, folds=2, out=tmp_path / "cv", quiet=True)
    test = done.predictions["test"]
    each = np.stack([run.predictions["test"].familiarity for run in done.folds])
    assert not np.allclose(each[0], each[1])
    same(test.familiarity, each.mean(axis=0))
    same(
        [one.familiarity for one in sfumato.load(done.bundle).predict(places(done.folds[0], test.ids))],
        test.familiarity,
    )
    oof = {name: near for run in done.folds for name, near in zip(*known(run.predictions["val"]), strict=True)}
    assert oof == dict(zip(*known(done.predictions["oof"]), strict=True))
    again = sfumato.decide(done.folder, overrides={"decision.familiar.refused": 0.2}, out=tmp_path / "new", quiet=True)
    policy = sfumato.load(again.bundle).policy
    assert policy.familiar.refused == 0.2 and policy.familiar.samples == len(oof)
    assert CrossvalFolder(again.folder).bundle.joinpath(REFERENCES).is_file()


def known(table: Predictions):
    return table.ids, table.familiarity.tolist()


@pytest.mark.slow
def test_folds_of_different_make_keep_their_references(run, small_recipe, tmp_path):
    """As where early stopping ends one fold before a keyframe swaps the head, and another after it."""
    changes = {**SHORT, **BOTH, "model.head": {"kind": "cosine"}}
    other = sfumato.train(small_recipe, overrides=changes, out=tmp_path / "other", quiet=True)
    folders, policy = [RunFolder(one.folder) for one in (run, other)], sfumato.load(run.bundle).policy
    make_averaged_bundle(tmp_path / "bundle", folders, folders[0].load_recipe().recipe, {"": policy}, {})
    paths = places(run, run.predictions["test"].ids)
    each = [[one.familiarity for one in sfumato.load(folder.bundle).predict(paths)] for folder in folders]
    same([one.familiarity for one in sfumato.load(tmp_path / "bundle").predict(paths)], np.mean(each, axis=0))


def test_each_task_has_its_own_reference(tmp_path):
    table = shapes_and_colours(tmp_path, 90)
    recipe = {
        "data": {
            "source": str(table),
            "columns": {"label": ["shape", "colour"]},
            "split": {"near_duplicates": "ignored"},
        },
        "model": {"backbone": "test_efficientnet", "weights": "none"},
        "train": {"precision": "fp32", "workers": 0},
    }
    overrides = {**SHORT, "decision.familiar": {"by": "mahalanobis"}}
    done = sfumato.train(recipe, overrides=overrides, out=tmp_path / "run", quiet=True)
    model, said = sfumato.load(done.bundle), done.predictions["test.colour"]
    decisions = model.predict(places(done, said.ids))
    for task in ("shape", "colour"):
        expected = done.predictions[f"test.{task}"].familiarity
        same([one.answers[task].familiarity for one in decisions], expected)
    assert not np.allclose(said.familiarity, done.predictions["test.shape"].familiarity)
    assert {"0.means.shape", "0.means.colour"} <= read_bundle(done.bundle).references.keys()


@pytest.mark.slow
def test_a_soup_learns_its_own(run, small_recipe, tmp_path):
    other = sfumato.train(small_recipe, overrides={**BOTH, "train.seed": 1}, out=tmp_path / "other", quiet=True)
    soup = sfumato.soup([run.folder, other.folder], uniform=True, out=tmp_path / "soup", quiet=True)
    said = Predictions.read(soup.folder / "predictions/val.parquet")
    same([one.familiarity for one in sfumato.load(soup.bundle).predict(places(run, said.ids))], said.familiarity)
    known = run.predictions["val"]
    rows = [known.ids.index(name) for name in said.ids]
    assert not np.allclose(known.familiarity[rows], said.familiarity, rtol=1e-2)


def test_an_ensemble_refuses_members_whose_guard_it_would_lose(run, small_run):
    with pytest.raises(InputError, match=r"decision\.familiar, which an ensemble does not carry"):
        sfumato.ensemble([small_run.folder, run.folder], quiet=True)


def stripes(light: bool, seed: int) -> Image.Image:
    """Grey stripes, light or dark ones."""
    rng = np.random.default_rng([seed, light])
    y, x = np.mgrid[0:32, 0:32] / 32
    turn = rng.uniform(-0.2, 0.2)
    wave = np.sin(2 * np.pi * (rng.uniform(3, 5) * (np.cos(turn) * x + np.sin(turn) * y) + rng.uniform()))
    grey = (150 if light else 100) + rng.uniform(40, 70) * wave + rng.uniform(-15, 15)
    return Image.fromarray(np.clip(grey[:, :, None] + rng.normal(0, 12, (32, 32, 3)), 0, 255).astype(np.uint8))


def strange(seed: int) -> np.ndarray:
    """Coloured noise, bars or bricks."""
    high, wide = ((32, 32), (1, 32), (32, 1), (8, 16))[seed % 4]
    return (
        np.random.default_rng(seed)
        .integers(0, 256, (high, wide, 3), dtype=np.uint8)
        .repeat(32 // high, 0)
        .repeat(32 // wide, 1)
    )


@pytest.fixture(scope="module")
def striped(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("striped")
    for name in ("light", "dark"):
        (root / "photos" / name).mkdir(parents=True)
        for seed in range(90):
            stripes(name == "light", seed).save(root / "photos" / name / f"{seed}.png")
    return root


@pytest.mark.parametrize("by", ["mahalanobis", pytest.param("knn", marks=pytest.mark.slow)])
def test_strange_pictures_are_withheld_that_confidence_lets_pass(by, striped):
    """At the same coverage of validation pictures, by a network that knows its own well."""
    recipe = {
        "data": {"source": str(striped / "photos"), "split": {"val": 0.3, "test": 0.2}},
        "model": {"backbone": "test_efficientnet", "weights": "none"},
        "train": {"epochs": 5, "optimizer": {"lr": 5e-2}, "precision": "fp32", "workers": 0},
        "timeline": [{"at": "0ep", "image_size": 32, "batch_size": 16, "learn": {"head.*": 1, "*": "frozen"}}],
        "decision": {"abstain": {"coverage": 0.9, "by": by}},
    }
    done = sfumato.train(recipe, out=striped / by, quiet=True)
    plain = {"decision.abstain.by": "confidence"}
    other = sfumato.decide(done.folder, overrides=plain, out=striped / f"{by}-confidence", quiet=True)
    assert done.metrics["test"]["scores"]["accuracy"]["value"] > 0.9
    known = [stripes(light, 1000 + seed) for seed in range(60) for light in (True, False)]
    (familiar, near), (confidence, alike) = (
        [
            np.mean([one.abstained for one in sfumato.load(run.folder).predict(pictures)])
            for pictures in ([strange(seed) for seed in range(120)], known)
        ]
        for run in (done, other)
    )
    assert max(near, alike) < 0.2
    assert familiar > 0.8
    assert confidence < 0.5
