"""A vision-language model as one of the house's networks."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from examples.named_products.tiny_gemma import SIDE, folder
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

from sfumato.errors import InputError
from sfumato.models.family import build_model, files_of, load_pretrained
from sfumato.models.heads import NamesHeadSpec
from sfumato.models.vlm.building import expected_by_vlm
from sfumato.models.vlm.candidates import UNASKED
from sfumato.models.vlm.lora import LoraSpec, merge
from sfumato.models.vlm.merging import refuse_drift
from sfumato.models.vlm.network import Vlm
from sfumato.models.vlm.scoring import log_likelihoods
from sfumato.models.vlm.spec import VlmSpec
from sfumato.shown import Shown, whole

NAMES = ("red pot", "red", "blue pot", "24小时")
HALF = (0.5, 0.5, 0.5)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return folder(tmp_path_factory.mktemp("gemma"))


def built(place, **settings) -> Vlm:
    spec = VlmSpec(folder=str(place), **settings)
    model = build_model(spec, len(NAMES), SIDE, HALF, HALF, names=NAMES)
    load_pretrained(model, spec, SIDE)
    assert isinstance(model, Vlm)
    return model.eval()


def pictures(count: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (count, 3, SIDE, SIDE), dtype=np.uint8))


def test_a_bare_model_of_transformers_and_its_processor_give_the_same(place):
    """Chat template, picture tokens, pixels and scores, all by transformers alone."""
    images, texts = pictures(2), ("cotton", "a steel pot")
    ours = built(place).logits(Shown(images, (1, 1), texts)).detach().numpy()
    network, processor = AutoModelForImageTextToText.from_pretrained(place).eval(), AutoProcessor.from_pretrained(place)
    for row, (image, text) in enumerate(zip(images, texts, strict=True)):
        said = [{"type": "image"}, {"type": "text", "text": f"What does the picture show? {text}"}]
        asked = processor.apply_chat_template([{"role": "user", "content": said}], add_generation_prompt=True)
        for column, name in enumerate(NAMES):
            pil = Image.fromarray(image.permute(1, 2, 0).numpy())
            inputs = processor(
                text=f"{asked}{name}<end_of_turn>", images=[pil], add_special_tokens=False, return_tensors="pt"
            )
            count = len(name) + 1
            with torch.no_grad():
                steps = network(**inputs).logits[0].log_softmax(dim=1)[-count - 1 : -1]
            theirs = steps.gather(1, inputs["input_ids"][0, -count:, None]).sum()
            assert ours[row, column] == pytest.approx(float(theirs), abs=1e-4)


def test_samples_together_give_what_each_gives_alone(place):
    model, images = built(place), pictures(3)
    texts = ("a", "", "a much longer text of a product")
    with torch.no_grad():
        features, logits = model(Shown(images, (1, 1, 1), texts))
        alone = torch.cat([model.logits(Shown(images[i : i + 1], (1,), texts[i : i + 1])) for i in range(3)])
    assert features.shape == (3, 32)
    assert torch.allclose(logits, alone, atol=1e-4)


def test_a_sample_without_a_picture_is_asked_without_one(place):
    model = built(place)
    with torch.no_grad():
        both = model.logits(Shown(pictures(1), (0, 1), ("pot", "pot")))
        none = model.logits(Shown(pictures(0), (0,), ("pot",)))
    assert torch.allclose(both[:1], none, atol=1e-4)
    assert not torch.allclose(both[0], both[1], atol=1e-3)


def test_a_prior_is_what_names_have_without_picture_and_text(place):
    images = pictures(2)
    with torch.no_grad():
        plain = built(place).logits(whole(images))
        alone = built(place).logits(Shown(pictures(0), (0,), ("",)))
        half = built(place, head=NamesHeadSpec(prior=0.5)).logits(whole(images))
        each = built(place, head=NamesHeadSpec(per_token=True)).logits(whole(images))
    assert torch.allclose(half, plain - 0.5 * alone, atol=1e-4)
    assert torch.allclose(each * torch.tensor([len(name) + 1 for name in NAMES]), plain, atol=1e-4)


def test_trees_in_several_passes_give_the_same(place, monkeypatch):
    images = pictures(2)
    with torch.no_grad():
        once = built(place).logits(images)
        monkeypatch.setattr("sfumato.models.vlm.candidates.shares", lambda tokens: [[3, 0], [2], [1]])
        several = built(place).logits(images)
    assert torch.allclose(once, several, atol=1e-4)


def test_files_and_weights_build_it_again(place, tmp_path):
    model = built(place)
    spec = VlmSpec(folder="gone")
    again = build_model(spec, len(NAMES), SIDE, HALF, HALF, files_of(model), NAMES)
    again.load_state_dict(model.state_dict())
    with torch.no_grad():
        assert torch.equal(model.logits(pictures(1)), again.eval().logits(pictures(1)))
    assert not any(str(place).encode() in content for content in files_of(model).values())
    assert "network.lm_head.weight" not in model.state_dict()  # it is the table of words


def test_a_long_text_is_cut_off_and_the_question_stays(place):
    model = built(place, window=60, prompt="{text}? what")
    tokens = model.wording.prompt("cotton " * 40, picture=True)
    assert len(tokens) == 60
    assert model.wording.length("cotton " * 40) > 60
    said = "".join(model.wording._tokenizer.convert_ids_to_tokens(tokens))
    assert "? what<end_of_turn>" in said


def test_pictures_that_were_seen_are_not_looked_at_again(place, monkeypatch):
    model, images, looks = built(place), pictures(3), []
    model.requires_grad_(False).remember_pictures()
    look = model._look
    monkeypatch.setattr(model, "_look", lambda some: (looks.append(len(some)), look(some))[1])
    first, again = model.logits(images), model.logits(torch.cat([images[1:], pictures(1, 9)]))
    assert looks == [3, 1]
    assert torch.allclose(first[1:], again[:2], atol=1e-4)
    with torch.no_grad():
        next(model.network.model.vision_tower.parameters()).mul_(1.5)
    assert not torch.allclose(model.logits(images), first, atol=1e-4)  # another tower sees something else
    assert looks == [3, 1, 3]
    model.network.model.multi_modal_projector.requires_grad_(True)
    model.logits(images)
    model.logits(images)
    assert looks == [3, 1, 3, 3, 3]


def test_lora_begins_as_nothing_learns_alone_and_merges_exactly(place):
    plain, model, images = built(place), built(place, lora=LoraSpec(r=2, alpha=4)), pictures(2)
    assert torch.allclose(plain.logits(images), model.logits(images), atol=1e-5)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    matrices = [parameter for name, parameter in model.named_parameters() if ".lora_" in name]
    assert len(matrices) == 2 * 4 * 2  # A and B beside q, k, v and o of both layers of the language model
    optimizer = torch.optim.AdamW(matrices, lr=0.02)
    for _ in range(3):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model.logits(images), torch.tensor([0, 2])).backward()
        optimizer.step()
    changed = {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == {name for name in before if ".lora_" in name}
    with torch.no_grad():
        learnt = model.logits(images)
        merge(model.network)
        merged = model.logits(images)
    assert torch.allclose(learnt, merged, atol=1e-4)
    assert not torch.allclose(learnt, plain.logits(images), atol=1e-2)
    assert set(model.state_dict()) == set(plain.state_dict())
    name = "network.model.language_model.layers.0.self_attn.q_proj.weight"
    apart = model.state_dict()[name] - plain.state_dict()[name]
    assert int(torch.linalg.matrix_rank(apart, rtol=1e-4)) == 2


def test_merging_that_changes_answers_is_an_error():
    logits = np.zeros((2, 3))
    refuse_drift(logits, logits + 5e-4)
    with pytest.raises(
        Exception, match="merging LoRA changed log-likelihoods by up to 0.5; set model.lora.adapter: kept"
    ):
        refuse_drift(logits, logits + 0.5)


def test_gradients_with_checkpoints_are_the_same(place):
    grads = []
    for anew in (False, True):
        torch.manual_seed(0)
        model = built(place, lora=LoraSpec()).train()
        if anew:
            model.checkpoint_gradients()
        for name, parameter in model.named_parameters():
            if ".lora_B" in name:
                torch.nn.init.normal_(parameter, generator=torch.Generator().manual_seed(len(name)))
        model.logits(pictures(2)).sum().backward()
        grads.append([p.grad for n, p in model.named_parameters() if ".lora_A" in n])
    assert all(torch.allclose(a, b, rtol=1e-3, atol=1e-4) for a, b in zip(*grads, strict=True))
    assert any(one.any() for one in grads[0])


def test_bf16_holds_half_and_what_may_learn_in_fp32(place):
    model = built(place, base="bf16", lora=LoraSpec())
    kinds = {name: parameter.dtype for name, parameter in model.named_parameters()}
    fine = {name for name, kind in kinds.items() if kind == torch.float32}
    assert fine == {name for name in kinds if ".lora_" in name or "multi_modal_projector" in name}
    full = built(place).logits(pictures(2))
    assert torch.allclose(model.logits(pictures(2)), full, rtol=0.05)


def test_what_a_processor_does_to_pictures_is_expected_of_them(place):
    expected = expected_by_vlm(VlmSpec(folder=str(place)))
    assert (expected.image_size, expected.mean, expected.interpolation) == (SIDE, HALF, "bilinear")


@pytest.mark.parametrize(
    ("settings", "names", "message"),
    [
        ({"window": 20}, NAMES, "model.window: 20 tokens, and the prompt alone takes 5"),
        (
            {"window": 9000},
            NAMES,
            "model.window: 9000 tokens, and the model has places for 4096; expected at most 4096",
        ),
        ({}, ("Ä", "a"), "the name 'Ä' holds a special token of the model, or letters that it has no token for"),
    ],
)
def test_what_can_not_be_scored_is_one_line(place, settings, names, message):
    with pytest.raises(InputError) as failure:
        build_model(VlmSpec(folder=str(place), **settings), len(names), SIDE, HALF, HALF, names=names)
    assert message in str(failure.value)
    assert "\n" not in str(failure.value)


def test_a_processor_of_another_size_is_refused(tmp_path):
    with pytest.raises(InputError, match="the processor makes pictures of 42 px, and the model looks at 28"):
        build_model(VlmSpec(folder=str(folder(tmp_path, side=42))), 1, SIDE, HALF, HALF, names=("a",))


def test_without_a_chat_template_a_prompt_is_plain(tmp_path):
    place = folder(tmp_path, template=None)
    model = built(place)
    assert model.wording.end == 1
    assert model.logits(pictures(1)).shape == (1, 4)


def test_names_that_are_not_asked_for_are_not_read(place, monkeypatch):
    """Of the others the scores are those among all names; what is read is the tree of those of any sample alone."""
    read: list[int] = []

    def counted(network, prompts, trie):
        read.append(len(trie.tokens))
        return log_likelihoods(network, prompts, trie)

    monkeypatch.setattr("sfumato.models.vlm.network.log_likelihoods", counted)
    model, images = built(place), pictures(2)
    kept = torch.tensor([[False, True, False, False], [False, True, False, True]])
    with torch.no_grad():
        every = model.logits(images)
        some = model.logits(replace(whole(images), kept=kept))
        none = model.logits(replace(whole(images), kept=torch.ones(2, 4, dtype=torch.bool)))
    asked = kept.any(dim=0)
    assert torch.allclose(some[:, asked], every[:, asked], atol=1e-4) and torch.equal(none, every)
    assert (some[:, ~asked] == UNASKED).all() and (some[:, ~asked] < every.min()).all()
    assert read[1] == len("red") + len("24小时") < read[0] == read[2]
