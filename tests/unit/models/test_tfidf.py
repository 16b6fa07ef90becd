"""TF-IDF: the vectors are scikit-learn's, the vocabulary is bounded and readable, and odd texts do no harm."""

import json
import unicodedata

import numpy as np
import pytest
import torch
from sklearn.feature_extraction.text import TfidfVectorizer

from sfumato.errors import InputError
from sfumato.models.text_encoder import build_text, learnt_files, load_text
from sfumato.models.text_tower import Reader, Tokens
from sfumato.models.tfidf import Tfidf, TfidfSpec
from sfumato.models.tfidf_vocabulary import FILE, pieces

TEXTS = (
    "Cotton shirt, long sleeve",
    "cotton SHIRT with a collar collar collar",
    "Steel pot with lid (2 l)",
    "a steel lid",
    "红色 衬衫 cotton",
    "ＣＯＴＴＯＮ　ｓｈｉｒｔ",
    "naïve café, it's x-large!",
    "🎉🎉 party 🎉 hat",
    "",
)


def tower(texts=TEXTS, **settings) -> Tfidf:
    spec = TfidfSpec(**settings)
    return build_text(spec, learnt_files(spec, tuple(texts)))


def vectors(model: Tfidf, texts) -> np.ndarray:
    return model(*Tokens(model).padded(list(texts), torch.device("cpu"))).numpy()


def folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


@pytest.mark.parametrize("least", [1, 2])
def test_the_vectors_are_those_of_scikit_learn(least):
    there = [text for text in TEXTS if text]
    model = tower(least=least)
    shared = {"preprocessor": folded, "sublinear_tf": True, "min_df": least}
    words = TfidfVectorizer(ngram_range=(1, 2), **shared)
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), **shared)
    asked = [*there, "a new shirt of cotton, and a hat", "nothing"]
    found = vectors(model, asked)
    first = len(model.vocabulary.words)
    for kind, known, start in ((words, model.vocabulary.words, 0), (letters, model.vocabulary.letters, first)):
        kind.fit(there)
        wanted = kind.transform(asked).toarray()
        assert set(known) == set(kind.vocabulary_)
        order = [kind.vocabulary_[piece] for piece in known]
        assert np.abs(found[:, start : start + len(known)] - wanted[:, order]).max() < 1e-6


def test_the_most_frequent_are_kept_and_equals_go_by_the_alphabet():
    model = tower(["b a1 c1", "b1 a1 c1", "a1 d1"], most=2, least=1)
    assert list(model.vocabulary.words.items()) == [("a1", 3), ("a1 c1", 2)]
    assert len(model.vocabulary.letters) == 2
    assert model.width == 4


def test_it_is_stored_as_json_that_builds_the_same_tower():
    model = tower()
    files = model.files()
    assert list(files) == [FILE]
    assert json.loads(files[FILE])["words"]["cotton"] == 4
    again = build_text(TfidfSpec(), files)
    assert np.array_equal(vectors(again, TEXTS), vectors(model, TEXTS))
    assert not list(model.parameters()) and not model.state_dict()
    assert load_text(model, TfidfSpec()).startswith("tf-idf of 6 words and pairs and ")


@pytest.mark.parametrize("content", [b"", b"[]", b'{"texts": 3}', b'{"texts": 3, "words": {"a": "b"}, "letters": {}}'])
def test_a_damaged_vocabulary_is_refused(content):
    with pytest.raises(InputError, match=r"tfidf\.json: damaged: no vocabulary"):
        build_text(TfidfSpec(), {FILE: content})


def test_nothing_that_recurs():
    with pytest.raises(InputError, match=r"model\.text\.least: nothing stands in 2 of 2 training texts; expected 1"):
        tower(["abc", "xyz"])


def test_widths_forms_and_case_of_letters_make_no_difference():
    assert pieces("ＣＯＴＴＯＮ　Ｓｈｉｒｔ") == pieces("cotton shirt")
    assert ("🎉🎉", False) in pieces("🎉🎉")
    assert ("衬衫", False) in pieces("红色衬衫")


def test_texts_of_which_nothing_is_known_have_no_features():
    model = tower()
    assert not vectors(model, ["", "ΩΩΩ", " "]).any()
    features = Reader(model).features(["", "ΩΩΩ", "cotton"], torch.device("cpu"))
    assert features.norm(dim=1).tolist() == pytest.approx([0, 0, 1], abs=1e-6)


def test_a_text_of_100_000_letters_is_cut_at_the_window():
    model, text = tower(window=100), "cotton shirt " * 8_000
    ids, _ = Tokens(model).padded([text, "cotton"], torch.device("cpu"))
    assert ids.shape == (2, 100)
    assert Tokens(model).length(text) > 100_000
    assert np.isfinite(vectors(model, [text])).all()


def test_without_any_text_it_reads_nothing():
    model = tower(["", ""])
    assert model.width == 1
    assert not vectors(model, ["cotton", ""]).any()
