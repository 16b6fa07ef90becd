"""TF-IDF with a linear head from recipe to decisions: as good as scikit-learn's, and each fold by its own words."""

import csv
import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_union
from tests.products import products

import sfumato
from sfumato.json_file import read_json
from sfumato.predict.inputs import WithText
from sfumato.run_folder import open_folder

RECIPE = """
name: words
data: {source: texts.csv, split: {val: 0.2, test: 0.4}}
model: {kind: text, text: {kind: tfidf}}
train: {epochs: 40, optimizer: {kind: sgd, lr: 3, weight_decay: 1e-5}, clip_norm: null, precision: fp32, workers: 0, select: accuracy}
timeline: [{at: 0ep, batch_size: 32}]
"""
CLASSES, COUNT = 6, 700


def made_up(root: Path) -> Path:
    """Texts of eight made-up words, each more or less likely in a class, so that none is told surely."""
    rng = np.random.default_rng(3)
    letters = np.array(list("abdeghiklmnoprstuv衬衫🎉"))
    words = ["".join(rng.choice(letters, rng.integers(3, 8))) for _ in range(120)]
    chances = rng.dirichlet(np.full(len(words), 0.25), CLASSES)
    with (root / "texts.csv").open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["id", "image", "text", "label"])
        for i in range(COUNT):
            kind = int(rng.integers(CLASSES))
            own, other = rng.choice(words, 3, p=chances[kind]), rng.choice(words, 5)
            text = " ".join(rng.permutation([*own, *other]))
            out.writerow([f"t{i:03}", "", "ＷＩＤＥ " * 20_000 if i == 5 else text, f"kind {kind}"])
    (root / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    return root / "recipe.yaml"


def folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> sfumato.Run:
    root = tmp_path_factory.mktemp("tfidf")
    return sfumato.train(made_up(root), out=root / "run", quiet=True)


def test_it_is_as_good_as_scikit_learns(run):
    table = open_folder(run.folder).read_table()
    train, test = table.part("train"), table.part("test")
    shared = {"sublinear_tf": True, "min_df": 2, "preprocessor": folded}
    kinds = {"ngram_range": (1, 2)}, {"analyzer": "char_wb", "ngram_range": (2, 5)}
    vectors = make_union(*(TfidfVectorizer(**kind, **shared) for kind in kinds))
    known = vectors.fit_transform(train.texts)
    asked = vectors.transform(test.texts)
    wanted = max(
        LogisticRegression(C=c, max_iter=2_000).fit(known, train.targets).score(asked, test.targets)
        for c in (1, 10, 100)
    )
    said = run.predictions["test"]
    found = float((said.logits.argmax(axis=1) == said.truth).mean())
    assert len(test) > 250
    assert 0.45 < wanted < 0.95
    assert found > wanted - 0.02  # one standard error is 0.03, but both saw the same samples


def test_the_run_says_what_it_knows_and_the_bundle_keeps_it_readably(run):
    notes = read_json(run.folder / "env.json")["notes"]
    origin = next(note for note in notes if note.startswith("model.weights: text tf-idf of "))
    assert f"letter sequences of {len(open_folder(run.folder).read_table().part('train'))} training texts" in origin
    vocabulary = json.loads((run.bundle / "text" / "tfidf.json").read_text(encoding="utf-8"))
    assert len(vocabulary["words"]) > 50
    assert any("are longer than its 20000 tokens" in note for note in notes)
    said = sfumato.load(run.bundle).predict([WithText(None, ""), WithText(None, "🎉" * 100_000)])
    assert said[0].error == "no text"
    assert said[1].label is not None


def test_each_fold_keeps_the_words_of_its_own_training_texts(tmp_path):
    products(tmp_path, 60)
    (tmp_path / "recipe.yaml").write_text(
        RECIPE.replace("texts.csv", "products.csv").replace("val: 0.2, test: 0.4", "test: 0"), encoding="utf-8"
    )
    done = sfumato.crossval(tmp_path / "recipe.yaml", folds=2, overrides={"train.epochs": 2}, out=tmp_path / "cv")
    files = [(run.bundle / "text" / "tfidf.json").read_bytes() for run in done.folds]
    assert files[0] != files[1]
    said = sfumato.load(done.bundle).predict([WithText(None, "cotton sleeve")])[0]
    assert said.label is not None and said.without is None


def test_beside_a_picture_it_is_a_tower_like_any_other(tmp_path):
    products(tmp_path, 60)
    model = "{kind: image_text, image: {backbone: test_resnet, weights: none}, text: {kind: tfidf, most: 200}}"
    text = RECIPE.replace("texts.csv", "products.csv, images: pictures").replace(
        "{kind: text, text: {kind: tfidf}}", model
    )
    (tmp_path / "recipe.yaml").write_text(text.replace("batch_size: 32", "batch_size: 16, image_size: 32"))
    changes = {"train.epochs": 2}
    run = sfumato.train(tmp_path / "recipe.yaml", out=tmp_path / "run", overrides=changes, quiet=True)
    asked = [WithText(tmp_path / "pictures" / "p000.png", "cotton sleeve"), WithText(None, "zzz")]
    said = sfumato.load(run.bundle).predict(asked)
    assert said[0].label is not None
    assert said[1].without == "image"
