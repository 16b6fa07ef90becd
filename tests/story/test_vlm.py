"""A vision-language model from recipe to decisions: it learns to name products, and can name nothing else."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tests.vlm_products import vlm_products

import sfumato
from sfumato.bundle.folder import check_samples, read_bundle
from sfumato.errors import InputError
from sfumato.predict.inference_engine import rounding
from sfumato.predict.inputs import WithText


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> sfumato.Run:
    root = tmp_path_factory.mktemp("vlm")
    return sfumato.train(vlm_products(root, 160), out=root / "run", quiet=True)


def asked(run: sfumato.Run) -> list[WithText]:
    """The test samples as prediction takes them."""
    root = run.folder.parent
    with (root / "products.csv").open(encoding="utf-8") as file:
        texts = {row["id"]: row["text"] for row in csv.DictReader(file)}
    return [WithText(root / "pictures" / f"{id_}.png", texts[id_]) for id_ in run.predictions["test"].ids]


def hits(run: sfumato.Run, inputs: list[WithText]) -> float:
    said = run.predictions["test"]
    logits = np.concatenate([row.logits for _, row in sfumato.load(run.bundle).scored(inputs)])
    return float((logits.argmax(axis=1) == said.truth).mean())


def test_picture_and_text_are_learnt_and_both_are_needed(run):
    whole = asked(run)
    assert hits(run, whole) > 0.9
    assert hits(run, [WithText(None, one.text) for one in whole]) < 0.75  # one half is chance for what each lacks
    assert hits(run, [WithText(one.image, "") for one in whole]) < 0.75


def test_the_bundle_answers_as_the_run_did(run):
    found = np.concatenate([row.logits for _, row in sfumato.load(run.bundle).scored(asked(run))])
    assert np.allclose(found, run.predictions["test"].logits, atol=1e-3)
    assert (found <= 0).all()  # log-likelihoods of names
    assert not list(run.bundle.rglob("*.p*kl"))


LORA = {
    "model.lora": {"r": 4, "alpha": 8},
    "timeline": [
        {
            "at": "0ep",
            "batch_size": 16,
            "augment": 0,
            "learn": {"*.lora_*": 1, "*.multi_modal_projector.*": 2, "*": "frozen"},
        }
    ],
}


@pytest.mark.parametrize("adapter", ["merged", "kept"])
def test_lora_learns_beside_weights_that_stay(run, tmp_path, adapter):
    root = run.folder.parent
    settings = {**LORA, "model.lora.adapter": adapter, "train.epochs": 2, "train.gradient_checkpointing": True}
    done = sfumato.train(root / "recipe.yaml", overrides=settings, out=tmp_path / "run", quiet=True)
    given, kept = load_file(root / "gemma" / "model.safetensors"), load_file(done.bundle / "weights.safetensors")
    words = next(tensor for name, tensor in given.items() if name.endswith("embed_tokens.weight"))
    assert torch.equal(words, kept["network.model.language_model.embed_tokens.weight"])
    assert any(".lora_" in name for name in kept) == (adapter == "kept")
    said = json.loads((done.bundle / "model.json").read_text())
    assert ("lora" in said) == (adapter == "kept")
    found = np.concatenate([row.logits for _, row in sfumato.load(done.bundle).scored(asked(run))])
    assert np.allclose(found, done.predictions["test"].logits, atol=1e-3)
    assert history(done)[-1] < history(done)[0]


def test_how_many_texts_are_cut_off_is_said(run):
    notes = json.loads((run.folder / "env.json").read_text())["notes"]
    assert any(note.startswith("model.window: 0 of 160 prompts (0.0%) are longer than its 64 tokens") for note in notes)


def history(run: sfumato.Run) -> list[float]:
    """Training loss of each epoch."""
    with (run.folder / "history.csv").open(encoding="utf-8") as file:
        return [float(row["train_loss"]) for row in csv.DictReader(file)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model.folder": "nowhere"}, "model.folder: no model; expected a folder with config.json"),
        ({"model.hub": "a/b"}, "names hub and folder; expected exactly one of hub and folder"),
        ({"model.prompt": "{text} {text}"}, "the prompt holds {text} more than once"),
        ({"model.window": 12}, "model.window: 12 tokens, and the prompt alone takes"),
        (
            {"train.precision": "fp16"},
            "train.precision: fp16, whose range the activations of Gemma 3 leave; expected bf16",
        ),
        ({"timeline[0].head": {"kind": "linear"}}, "timeline[0].head: has no effect: names are scored"),
        (
            {"timeline[0].image_size": 56},
            "gemma can't take images of 56 px: its pictures have 28 px, and no other; expected 28 px",
        ),
        ({"model.base": "bf16"}, "is held in bf16, where most small steps round to none"),
        ({**LORA, "model.base": "nf4"}, "model.base: 4 bits on cpu: training so takes CUDA; expected bf16, or int8"),
        ({"train.optimizer.kind": "paged_adamw_8bit"}, "train.optimizer: pages on cpu: training so takes CUDA"),
        (
            {"model.lora": {}},
            "LoRA stands beside network.model.language_model.layers.0.self_attn.k_proj.base_layer.weight",
        ),
        ({**LORA, "timeline[0].learn": {"*.norm.*": 1, "*": "frozen"}}, "model.lora: has no effect: none of it learns"),
        ({"model.prompt": "what?", "data.columns.text": "text"}, "this model reads no texts"),
    ],
)
def test_what_makes_no_sense_is_one_line(run, tmp_path, settings, message):
    with pytest.raises(InputError) as failure:
        sfumato.train(run.folder.parent / "recipe.yaml", overrides=settings, out=tmp_path / "run", quiet=True)
    assert message in str(failure.value)
    assert "\n" not in str(failure.value)
    assert not (tmp_path / "run").exists()


def test_two_classes_that_are_the_same_tokens_are_refused(run, tmp_path):
    root = run.folder.parent
    table = (root / "products.csv").read_text().replace("blue pot", "Ä")
    (tmp_path / "products.csv").write_text(table)
    settings = {"data.source": str(tmp_path / "products.csv"), "data.images": str(root / "pictures")}
    with pytest.raises(InputError, match="the name 'Ä' holds a special token of the model, or letters that it has no"):
        sfumato.train(root / "recipe.yaml", overrides=settings, out=tmp_path / "run", quiet=True)


def test_pictures_alone_where_the_prompt_has_no_place_for_a_text(run, tmp_path):
    settings = {"model.prompt": "what?", "train.epochs": 1}
    done = sfumato.train(run.folder.parent / "recipe.yaml", overrides=settings, out=tmp_path / "run", quiet=True)
    model = sfumato.load(done.bundle)
    assert not model.reads_texts
    assert model.predict([run.folder.parent / "pictures" / "p000.png"])[0].label in model.labels.names


@pytest.mark.parametrize("base", ["bf16", "nf4"])
def test_weights_of_few_bits_from_recipe_to_bundle(run, tmp_path, monkeypatch, base):
    """As on CUDA: 4 bits in training and in the bundle, which answers without bitsandbytes and anywhere."""
    monkeypatch.setattr("sfumato.training.few_bit_limits._refuse", lambda *_: None)
    root = run.folder.parent
    settings = {**LORA, "model.lora.adapter": "kept", "model.base": base, "train.epochs": 1, "train.accumulate": 2}
    done = sfumato.train(root / "recipe.yaml", overrides=settings, out=tmp_path / "run", quiet=True)
    kept = load_file(done.bundle / "weights.safetensors")
    packed = [name for name, tensor in kept.items() if tensor.dtype == torch.uint8]
    assert len(packed) == (14 if base == "nf4" else 0)
    found = np.concatenate([row.logits for _, row in sfumato.load(done.bundle).scored(asked(run))])
    far = np.abs(found - done.predictions["test"].logits).max(axis=1)
    assert (far <= 1e-2 * (1 + np.abs(found).max(axis=1))).all()
    cost = json.loads((done.folder / "cost.json").read_text())
    sizes = {name: tensor.numel() * (2 if name in packed else 1) for name, tensor in kept.items()}
    assert cost["parameters"] == sum(size for name, size in sizes.items() if not name.endswith(".scales"))


def test_a_bundle_in_bf16_bears_other_devices_rounding_and_no_more(run):
    bundle = read_bundle(run.bundle)
    samples, gives = bundle.samples, np.array([sample.logits for sample in bundle.samples])
    rounded = rounding(replace(bundle, model={**bundle.model, "base": "bf16"}), "torch")
    assert rounding(bundle, "torch") == 0 and rounded == 2**-7
    most = 1 + np.abs(gives).max(axis=1, keepdims=True)
    near, far = gives + 0.01 * most, gives + 0.02 * most
    check_samples(samples, 4, lambda _: near, "x", rounded)
    with pytest.raises(InputError):
        check_samples(samples, 4, lambda _: near, "x")
    with pytest.raises(InputError):
        check_samples(samples, 4, lambda _: far, "x", rounded)
