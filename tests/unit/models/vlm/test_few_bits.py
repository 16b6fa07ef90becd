"""Weights of 4 and 8 bits: packing against closed forms, gradients, LoRA beside them, and one set of weights again."""

import pytest
import torch
from examples.named_products.tiny_gemma import SIDE, folder
from torch import nn

from sfumato.bundle.folder import SAMPLE_TOLERANCE, distance
from sfumato.errors import InputError
from sfumato.models.family import build_model, load_pretrained
from sfumato.models.vlm import int8, nf4
from sfumato.models.vlm.few_bits import FewBitsLinear, hold_in_few_bits, make_whole, numbers
from sfumato.models.vlm.lora import LoraSpec
from sfumato.models.vlm.merging import settle
from sfumato.models.vlm.network import Vlm
from sfumato.models.vlm.spec import VlmSpec
from sfumato.predict.inference_engine import BF16
from sfumato.shown import Shown
from sfumato.training import few_bit_limits
from sfumato.training.few_bit_limits import refuse_without_cuda
from sfumato.training.optimizer import AdamWSpec, PagedAdamWSpec

NAMES = ("red pot", "red", "blue pot")
HALF = (0.5, 0.5, 0.5)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return folder(tmp_path_factory.mktemp("gemma"))


def built(place, **settings) -> tuple[Vlm, VlmSpec]:
    spec = VlmSpec(folder=str(place), **settings)
    torch.manual_seed(0)
    model = build_model(spec, len(NAMES), SIDE, HALF, HALF, names=NAMES)
    load_pretrained(model, spec, SIDE)
    assert isinstance(model, Vlm)
    return model.eval(), spec


def said(model: Vlm) -> torch.Tensor:
    images = torch.randint(0, 256, (2, 3, SIDE, SIDE), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    return model(Shown(images, (1, 1), ("a pot", "")))[1]


def test_a_block_holds_the_sixteen_levels_of_the_paper_exactly():
    weights = torch.cat([nf4.LEVELS, -nf4.LEVELS.flip(0), torch.zeros(32)]).view(2, 32) * 3
    packed, scales = nf4.pack(nf4.LEVELS.repeat(4).view(2, 32) * 3)
    assert packed.dtype == torch.uint8 and packed.shape == (2, 16) and scales.tolist() == [3]
    assert torch.equal(nf4.unpack(packed, scales, torch.float32), nf4.LEVELS.repeat(4).view(2, 32) * 3)
    assert packed[0, :8].tolist() == [0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF]  # as bitsandbytes packs them
    assert nf4.pack(weights)[1].tolist() == [3]


@pytest.mark.parametrize("shape", [(64, 64), (3, 10), (5, 2)])
def test_each_weight_is_the_nearest_level_of_its_block(shape):
    weights = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    packed, scales = nf4.pack(weights)
    found = nf4.unpack(packed, scales, torch.float32).view(-1)
    for place, (weight, said) in enumerate(zip(weights.view(-1), found, strict=True)):
        levels = nf4.LEVELS * scales[place // 64].float()
        assert said == levels[(levels - weight).abs().argmin()]
    assert torch.equal(nf4.pack(torch.zeros(shape))[1], torch.zeros(len(scales), dtype=torch.bfloat16))


def test_eight_bits_are_off_by_half_a_step_at_most():
    weights = torch.randn(7, 33, generator=torch.Generator().manual_seed(0))
    weights[3] = 0
    packed, scales = int8.pack(weights)
    off = (int8.unpack(packed, scales, torch.float32) - weights).abs()
    assert packed.dtype == torch.int8 and (off <= scales[:, None] / 2 + 1e-7).all() and (off[3] == 0).all()
    assert torch.allclose(scales, weights.abs().amax(dim=1) / 127)


@pytest.mark.parametrize("form", ["nf4", "int8"])
def test_a_layer_and_its_gradient_are_those_of_the_rounded_weights(form):
    plain = nn.Linear(64, 16, bias=False)
    stack = nn.Sequential(plain)
    stack.get_decoder = lambda: stack
    hold_in_few_bits(stack, form, filled=True)
    layer = stack[0]
    assert isinstance(layer, FewBitsLinear) and not list(layer.parameters()) and layer.numbers == 1024
    whole = layer.plain()
    assert whole.dtype == torch.bfloat16
    assert (whole.float() - plain.weight).abs().max() < 0.2 * plain.weight.abs().max()
    one, other = (torch.randn(3, 64, generator=torch.Generator().manual_seed(0)).requires_grad_() for _ in range(2))
    layer(one).sum().backward()
    (other.bfloat16() @ whole.T).sum().backward()
    assert torch.equal(layer(one), other.bfloat16() @ whole.T) and torch.equal(one.grad, other.grad)


@pytest.mark.parametrize("base", ["nf4", "int8"])
def test_the_language_model_alone_is_held_so_and_answers_much_alike(place, base):
    exact, held = said(built(place)[0]), said(built(place, base=base)[0])
    assert (held - exact).abs().max() / exact.abs().max() < {"nf4": 0.2, "int8": 0.03}[base]
    model, _ = built(place, base=base)
    few = [name for name, layer in model.named_modules() if isinstance(layer, FewBitsLinear)]
    assert len(few) == 2 * 7 and all("language_model" in name for name in few)
    held = {tensor.dtype for name, tensor in model.named_parameters() if "multi_modal_projector" not in name}
    assert held == {torch.bfloat16}
    assert numbers(model) == numbers(built(place)[0])


@pytest.mark.parametrize("base", ["nf4", "int8"])
def test_lora_learns_beside_few_bits_and_is_kept_or_made_one_with_whole_weights(place, base):
    model, spec = built(place, base=base, lora=LoraSpec(r=2))
    learning = [p for name, p in model.named_parameters() if ".lora_" in name]
    assert all(p.dtype == torch.float32 for p in learning)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items() if ".lora_" not in name}
    optimizer = torch.optim.SGD(learning, lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        (-said(model)[:, 0].mean()).backward()
        optimizer.step()
    assert all(p.abs().sum() > 0 for p in learning)
    assert all(torch.equal(before[name], model.state_dict()[name]) for name in before)
    with torch.no_grad():
        kept = said(model)
        assert settle(model, spec, kept.numpy) is spec  # kept, unless said otherwise
        merged = spec.model_copy(update={"lora": LoraSpec(r=2, adapter="merged")})
        found = settle(model, merged, kept.numpy)
        assert (said(model) - kept).abs().max() < 0.02 * kept.abs().max()
    assert found.lora is None and found.base == "bf16"
    assert not [name for name, layer in model.named_modules() if isinstance(layer, FewBitsLinear)]
    again = build_model(found, len(NAMES), SIDE, HALF, HALF, names=NAMES)
    again.load_state_dict(model.state_dict())
    with torch.no_grad():
        assert torch.equal(said(again.eval()), said(model))


def test_whole_again_is_the_same_function_bit_by_bit(place):
    model, _ = built(place, base="nf4")
    with torch.no_grad():
        before = said(model)
        make_whole(model.network)
        assert torch.equal(before, said(model))


@pytest.mark.parametrize(
    ("base", "optimizer", "device", "message"),
    [
        ("nf4", AdamWSpec(), "cpu", "model.base: 4 bits on cpu: training so takes CUDA; expected bf16, or int8"),
        (
            "fp32",
            PagedAdamWSpec(),
            "mps",
            "train.optimizer: pages on mps: training so takes CUDA; expected kind: adamw",
        ),
        (
            "nf4",
            AdamWSpec(),
            "cuda",
            "model.base: needs bitsandbytes, which is not installed; pip install 'sfumato[vlm]'",
        ),
        ("bf16", PagedAdamWSpec(), "cuda", "train.optimizer: needs bitsandbytes, which is not installed"),
    ],
)
def test_what_takes_cuda_is_refused_elsewhere_in_one_line(monkeypatch, base, optimizer, device, message):
    monkeypatch.setattr("sfumato.models.extra.find_spec", lambda name: None)
    with pytest.raises(InputError) as failure:
        refuse_without_cuda(VlmSpec(hub="a/b", base=base), optimizer, device)
    assert message in str(failure.value) and "\n" not in str(failure.value)


def test_what_is_there_is_let_be(monkeypatch):
    refuse_without_cuda(VlmSpec(hub="a/b", base="int8"), AdamWSpec(), "cpu")
    monkeypatch.setattr(few_bit_limits, "library", lambda *_: None)
    refuse_without_cuda(VlmSpec(hub="a/b", base="nf4"), PagedAdamWSpec(), "cuda")


@pytest.mark.gpu
def test_our_unpacking_is_that_of_bitsandbytes():
    functional = pytest.importorskip("bitsandbytes").functional
    weights = torch.randn(256, 512, device="cuda")
    theirs, state = functional.quantize_4bit(weights, blocksize=64, quant_type="nf4")
    packed, scales = nf4.pack(weights)
    same = (packed.view(-1, 1) == theirs).float().mean()
    assert same > 0.99  # a scale rounded to bf16 moves a few weights over a middle
    ours = nf4.unpack(packed.cpu(), scales.cpu(), torch.bfloat16)
    assert torch.equal(nf4.unpack(packed, scales, torch.bfloat16).cpu(), ours)
    assert torch.allclose(functional.dequantize_4bit(theirs, state).cpu(), ours.float(), atol=0.02)


def test_bf16_is_within_the_tolerance_that_golden_samples_have_then(place):
    exact, held = (said(built(place, base=base)[0]).detach().numpy() for base in ("fp32", "bf16"))
    assert 0 < distance(held, exact).max() < SAMPLE_TOLERANCE + 2 * BF16
