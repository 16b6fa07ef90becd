"""A text tower from transformers: a tiny BERT made here, saved as a folder, as any on the hub is."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from sfumato.errors import InputError
from sfumato.models.extra import library
from sfumato.models.text_encoder import build_text, load_text
from sfumato.models.text_tower import Tokens
from sfumato.models.transformers_text import TransformersSpec

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "red",
    "steel",
    "cotton",
    "shirt",
    "pot",
    "lid",
    "a",
    "the",
    "with",
    "query",
    ":",
    "红",
    "色",
    "衬",
    "衫",
]


def test_a_library_that_is_not_there_names_the_line_that_brings_it():
    with pytest.raises(InputError, match=r"model\.text: needs no_such_thing, .*; pip install 'sfumato\[text\]'"):
        library("no_such_thing", "text", "model.text")


@pytest.mark.parametrize("given", [{}, {"hub": "a", "folder": "b"}])
def test_exactly_one_source(given):
    with pytest.raises(ValueError, match="expected exactly one of hub, folder, package"):
        TransformersSpec(**given)


@pytest.fixture
def folder(tmp_path) -> Path:
    transformers = pytest.importorskip("transformers")
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS), encoding="utf-8")
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    config = transformers.BertConfig(vocab_size=len(WORDS), max_position_embeddings=40, **sizes)
    transformers.BertModel(config).save_pretrained(tmp_path)
    transformers.BertTokenizer(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path)
    return tmp_path


def test_features_are_those_of_transformers_without_padding(folder):
    transformers = pytest.importorskip("transformers")
    spec = TransformersSpec(folder=str(folder), window=16)
    tower = build_text(spec).eval()
    load_text(tower, spec)
    texts = ["red shirt", "the steel pot with a lid"]
    found = tower(*Tokens(tower).padded(texts, torch.device("cpu")))
    reference = transformers.AutoModel.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    for text, row in zip(texts, found, strict=True):
        wanted = reference(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(dim=0)
        assert torch.allclose(row, wanted, atol=1e-5)


def test_a_bundles_files_build_the_same_tower_without_the_folder(folder, tmp_path_factory):
    spec = TransformersSpec(folder=str(folder), window=16, prefix="query: ")
    tower = build_text(spec).eval()
    files = tower.files()
    assert all(Path(name).suffix in (".json", ".txt") for name in files)
    again = build_text(TransformersSpec(folder="gone", window=16, prefix="query: "), files).eval()
    again.load_state_dict(tower.state_dict())
    padded = Tokens(again).padded(["红色衬衫 with a lid"], torch.device("cpu"))
    assert torch.equal(again(*padded), tower(*padded))


def test_a_long_text_is_cut_and_keeps_its_end_mark(folder):
    tower = build_text(TransformersSpec(folder=str(folder), window=8))
    tokens = tower.tokens("red " * 1000)
    assert len(tokens) == 1002
    assert tower.cut(tokens) == [*tokens[:7], tokens[-1]]


def test_a_window_beyond_the_places_there_are(folder):
    with pytest.raises(InputError, match=r"model\.text\.window: 64 tokens, .* places for 40; expected at most 40"):
        build_text(TransformersSpec(folder=str(folder), window=64))


def test_no_encoder_there(folder, tmp_path):
    with pytest.raises(InputError, match="no encoder; expected a folder with config.json"):
        build_text(TransformersSpec(folder=str(tmp_path / "nowhere"), window=8))


def test_weights_that_are_missing_are_not_drawn_at_random_in_silence(folder, capfd):
    tensors = load_file(folder / "model.safetensors")
    lost = "encoder.layer.1.output.dense.weight"
    save_file(
        {name: one for name, one in tensors.items() if name != lost}, folder / "model.safetensors", {"format": "pt"}
    )
    spec = TransformersSpec(folder=str(folder), window=16)
    with pytest.raises(InputError, match=rf"model\.text: lacks 1 tensors, such as {lost}"):
        load_text(build_text(spec), spec)
    assert capfd.readouterr() == ("", "")


def test_the_layer_that_pools_may_be_missing_since_nothing_here_reads_it(folder, capfd):
    tensors = load_file(folder / "model.safetensors")
    kept = {name: one for name, one in tensors.items() if not name.startswith("pooler.")}
    assert len(kept) == len(tensors) - 2
    save_file(kept, folder / "model.safetensors", {"format": "pt"})
    spec = TransformersSpec(folder=str(folder), window=16)
    load_text(build_text(spec), spec)
    assert capfd.readouterr() == ("", "")
