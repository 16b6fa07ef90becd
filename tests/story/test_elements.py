"""Products whose prompts hold the elements that a cross-validation saw in samples it had not trained on."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.vlm_products import vlm_products
from typer.testing import CliRunner

import sfumato
from sfumato.bundle.ensemble import read_any
from sfumato.cli import app
from sfumato.element_words import find
from sfumato.errors import InputError
from sfumato.multilabel_predictions import MultilabelPredictions
from sfumato.predict.element_texts import sure_of, with_element_words
from sfumato.predict.inputs import WithText
from sfumato.preparation.seen_elements import read_seen

SEEN = """
name: elements
data: {source: elements.csv, images: pictures, columns: {label: elements}, split: {val: 0.25, test: 0.2}}
model: {backbone: test_resnet, weights: none}
augment: {flips: [horizontal]}
train: {epochs: 2, optimizer: {lr: 1e-2}, precision: fp32, workers: 0}
timeline: [{at: 0ep, image_size: 32, batch_size: 16, augment: 0, loss: {kind: binary_cross_entropy}}]
"""


LABELS = """
elements: [{id: red}, {id: blue, zh: 蓝}, {id: chart}]
products:
  - {id: red pot, elements: [red]}
  - {id: red shirt, elements: [red]}
  - {id: blue pot, elements: [蓝]}
  - {id: blue shirt, elements: [blue]}
"""
NARROWED = {"decision.narrow": {"recall": 0.8}}


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Products, and a cross-validation of the elements in their pictures."""
    root = tmp_path_factory.mktemp("elements")
    vlm_products(root, 60, words=tuple("【】、（）"))
    with (root / "products.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    lines = [
        "id\telements",
        *(
            f"{row['id']}\t{row['label'].split()[0]}|chart" if i % 3 else f"{row['id']}\t{row['label'].split()[0]}"
            for i, row in enumerate(rows)
        ),
    ]
    (root / "elements.csv").write_text("\n".join(line.replace("\t", ",") for line in lines) + "\n", encoding="utf-8")
    (root / "elements.yaml").write_text(SEEN, encoding="utf-8")
    (root / "labels.yaml").write_text(LABELS, encoding="utf-8")
    sfumato.crossval(root / "elements.yaml", folds=2, out=root / "seen", quiet=True)
    return root


def test_the_prompt_says_what_was_seen_out_of_fold_and_not_the_truth(root, tmp_path):
    settings = {
        "data.elements": {"run": str(root / "seen"), "sure": 0.9},
        "augment.texts": {},
        "train.epochs": 1,
        "timeline[0].augment": 1,
    }
    run = sfumato.train(root / "recipe.yaml", overrides=settings, out=tmp_path / "run", quiet=True)
    texts = dict(pl.read_parquet(run.folder / "data" / "table.parquet").select("id", "text").iter_rows())
    known = pl.concat(
        [pl.read_parquet(root / f"seen/predictions/{part}.parquet").select("id") for part in ("oof", "test")]
    )
    assert set(texts) == set(known["id"])
    said = {id_: find(text) for id_, text in texts.items()}
    assert all(found is not None for found in said.values())
    assert any(not element.sure for found in said.values() for element in found[0])
    assert all(found[2].strip() for found in said.values())  # their own texts stand behind
    assert "seen" in (run.bundle / "recipe.yaml").read_text()
    assert str(root) not in (run.bundle / "recipe.yaml").read_text()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"data.elements": {"run": "nowhere"}},
            "data.elements.run: no predictions out of fold; expected the folder of a finished",
        ),
        (
            {"augment.texts": {}, "model.prompt": "what?", "timeline[0].augment": 1},
            "augment.texts: has no effect: this model reads no texts",
        ),
        (
            {"data.elements": {"run": "a"}, "model.prompt": "what?"},
            "data.elements: has no effect: this model reads no texts",
        ),
    ],
)
def test_what_makes_no_sense_is_one_line(root, tmp_path, settings, message):
    with pytest.raises(InputError) as failure:
        sfumato.train(root / "recipe.yaml", overrides=settings, out=tmp_path / "run", quiet=True)
    assert message in str(failure.value)


def test_samples_that_nothing_is_known_of_are_refused(root, tmp_path):
    table = (root / "products.csv").read_text().replace("p007,", "new,")
    (tmp_path / "products.csv").write_text(table)
    (root / "pictures" / "new.png").write_bytes((root / "pictures" / "p007.png").read_bytes())
    settings = {
        "data.source": str(tmp_path / "products.csv"),
        "data.images": str(root / "pictures"),
        "data.elements.run": str(root / "seen"),
    }
    with pytest.raises(InputError, match="says nothing of 1 of 60 samples, such as 'new'"):
        sfumato.train(root / "recipe.yaml", overrides=settings, out=tmp_path / "run", quiet=True)


@pytest.fixture(scope="module")
def taught(root, tmp_path_factory) -> sfumato.Run:
    """Trained with element words, and with candidates narrowed by them."""
    settings = {**NARROWED, "data.elements": {"run": str(root / "seen"), "sure": 0.9}, "train.epochs": 1}
    settings["data.labels"] = {"file": str(root / "labels.yaml"), "section": "products"}
    out = tmp_path_factory.mktemp("taught") / "run"
    return sfumato.train(root / "recipe.yaml", overrides=settings, out=out, quiet=True)


def test_new_pictures_get_their_words_in_the_form_of_training(root, taught):
    elements, sure = sfumato.load(root / "seen" / "bundle"), sure_of(read_any(taught.bundle), "x")
    assert sure == 0.9
    said = MultilabelPredictions.read(root / "seen/predictions/test.parquet")
    paths = [root / "pictures" / f"{id_}.png" for id_ in said.ids]
    texts = dict(pl.read_parquet(taught.folder / "data" / "table.parquet").select("id", "text").iter_rows())
    own = [texts[id_].split("】")[1].strip() for id_ in said.ids]
    inputs = [WithText(path, text) for path, text in zip(paths, own, strict=True)]
    found = list(with_element_words(inputs, elements, sure))
    assert [one.text for one in found] == [texts[id_] for id_ in said.ids]
    assert [one.image for one in found] == paths
    again = list(with_element_words(found, elements, sure))
    assert [one.text for one in again] == [one.text for one in found]  # words that stand there stay
    bare = [WithText(None, "pot"), root / "no.png"]
    assert [one.text for one in with_element_words(bare, elements, sure)] == ["【不确定】 pot", "【不确定】"]


def asked(*arguments: object):
    return CliRunner().invoke(app, ["predict", *map(str, arguments)])


def test_predict_finds_elements_and_says_where_words_lack(root, taught):
    table = root / "asked.csv"
    table.write_text("id,image\n" + "".join(f"p{i:03},pictures/p{i:03}.png\n" for i in range(3)), encoding="utf-8")
    found = asked(taught.bundle, table, "--elements", root / "seen", "--json")
    assert found.exit_code == 0 and len(json.loads(found.stdout)) == 3 and "words" not in found.stderr
    bare = asked(taught.bundle, root / "products.csv", "--json")
    assert len(json.loads(bare.stdout)) == 60 and "60 of 60 texts hold no element words" in " ".join(
        bare.stderr.split()
    )


@pytest.mark.parametrize(
    ("products", "elements", "message"),
    [
        ("seen", "seen", "was trained without element words; expected a run with data.elements"),
        ("taught", "taught", "names one class a picture, and a picture has several elements"),
        ("taught", "nowhere", "no such bundle"),
    ],
)
def test_elements_that_fit_nothing_are_refused_in_one_line(root, taught, products, elements, message):
    places = {"taught": taught.folder, "seen": root / "seen", "nowhere": root / "nowhere"}
    failed = asked(places[products], root / "pictures", "--elements", places[elements]).exception
    assert isinstance(failed, InputError) and message in str(failed) and "\n" not in str(failed)


def test_narrowing_is_fitted_on_validation_measured_on_test_and_done_by_predict(root, taught):
    """As the tables say: the elements out of fold, and the run's own predictions."""
    rule = sfumato.load(taught.bundle).policy.narrowing
    said, found = taught.predictions["val"], taught.metrics["val"]["narrowing"]
    assert found["tau"] == rule.tau and found["recall"]["value"] >= 0.8
    seen = read_seen(taught.folder / "data" / "elements.parquet", said.ids)
    assert found["recall"]["value"] == pytest.approx(rule.kept(seen)[np.arange(len(said)), said.truth].mean())
    assert taught.metrics["test"]["narrowing"]["tau"] == rule.tau
    page = taught.report().read_text(encoding="utf-8")
    assert "Candidates narrowed by elements" in page and "images whose true class remained" in page
    model, elements = sfumato.load(taught.bundle), sfumato.load(root / "seen" / "bundle")
    sure = replace(rule, tau=0.0)
    model.policies[""] = replace(model.policies[""], narrowing=sure)
    inputs = list(with_element_words([root / "pictures" / f"p{i:03}.png" for i in range(6)], elements, 0.9))
    for one, answer in zip(inputs, model.predict(inputs), strict=True):
        kept = sure.kept(one.elements)[0]
        assert {name for name, chance in answer.probabilities.items() if chance} == {
            name for name, there in zip(model.labels.names, kept, strict=True) if there
        }
        whole = model.predict([one._replace(elements=None)])[0].probabilities
        left = sum(chance for name, chance in whole.items() if answer.probabilities[name])
        assert all(whole.values())  # those that remain are as likely beside each other as among all
        for name, chance in answer.probabilities.items():
            assert chance == pytest.approx(whole[name] / left if chance else 0, abs=1e-5)


def test_decide_narrows_a_run_that_is_finished(root, taught, tmp_path):
    overrides = {"decision.narrow": {"agree": "all", "tau": 0.3}}
    done = sfumato.decide(taught.folder, overrides=overrides, out=tmp_path / "all", quiet=True)
    rule = sfumato.load(done.bundle).policy.narrowing
    assert (rule.agree, rule.tau) == ("all", 0.3) and done.metrics["test"]["narrowing"]["tau"] == 0.3


def test_a_cascade_narrows_as_predict_with_elements_does(root, taught, tmp_path):
    made = sfumato.cascade(None, root / "seen", taught.folder, out=tmp_path / "charts", quiet=True)
    paths = [root / "pictures" / f"p{i:03}.png" for i in range(8)]
    elements, products = sfumato.load(root / "seen" / "bundle"), sfumato.load(taught.bundle)
    alone = products.predict(with_element_words(paths, elements, 0.9))
    for one, other in zip(sfumato.load(made.bundle).predict(paths), alone, strict=True):
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-5)
    assert any(0 in one.probabilities.values() for one in alone) or products.policy.narrowing.tau > 0.5


NARROW = {"decision.narrow": {}}
WORDS = {"data.elements": {"run": "seen"}}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (NARROW, "decision.narrow: needs the elements found in the samples; expected data.elements"),
        ({**NARROW, **WORDS}, "decision.narrow: has no effect: no class says which elements it shows"),
        (
            {**NARROW, **WORDS, "decision.sets": {"alpha": 0.1}},
            "decision.sets is fitted for answers among all classes, and decision.narrow leaves some out",
        ),
        (
            {**WORDS, "decision.narrow": {"tau": 0.5, "recall": 0.9}},
            "decision.narrow.recall: has no effect: tau is given",
        ),
    ],
)
def test_narrowing_that_makes_no_sense_is_one_line(root, tmp_path, settings, message):
    overrides = {
        **settings,
        **({"data.elements": {"run": str(root / "seen")}} if WORDS.keys() <= settings.keys() else {}),
    }
    with pytest.raises(InputError) as failure:
        sfumato.train(root / "recipe.yaml", overrides=overrides, out=tmp_path / "run", quiet=True)
    assert message in str(failure.value) and "\n" not in str(failure.value)
    assert not (tmp_path / "run").exists()


def test_narrowing_of_averaged_folds_is_refused(root, tmp_path):
    labels = {"data.labels": {"file": str(root / "labels.yaml"), "section": "products"}}
    overrides = {**NARROW, **labels, "data.elements": {"run": str(root / "seen")}}
    with pytest.raises(InputError, match="has no effect on networks that are averaged"):
        sfumato.crossval(root / "recipe.yaml", overrides=overrides, folds=2, out=tmp_path / "cv", quiet=True)
