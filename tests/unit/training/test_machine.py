import pytest
import torch
from accelerate.state import PartialState
from tests.jobs import job_of, tiny_model

from sfumato.console import Console
from sfumato.data.loading import Batch
from sfumato.errors import InputError
from sfumato.models import arithmetic
from sfumato.models.classifier import ModelSpec, build_classifier
from sfumato.models.heads import LinearHeadSpec
from sfumato.preparation.prepare import prepare
from sfumato.preparation.prepared import job_of as prepared_job
from sfumato.preparation.prepared import machine_of
from sfumato.recipe.load import load_recipe
from sfumato.training import device
from sfumato.training.arithmetic_choice import choose_compile, choose_fused, choose_layout, choose_tf32
from sfumato.training.job import TrainSpec
from sfumato.training.machine import FORMATS, Machine
from sfumato.training.optimizer import AdamWSpec, PagedAdamWSpec, SgdSpec
from sfumato.training.plan import make_plan
from sfumato.training.schedules import CosineSpec
from sfumato.training.step import Learner

HALF = (0.5, 0.5, 0.5)


def test_a_second_run_takes_its_own_device():
    Machine("cpu", "fp32")
    PartialState().device = torch.device("meta")  # as if the first run had been on another
    assert Machine("cpu", "fp32").device == torch.device("cpu")


def test_alone_a_process_agrees_with_itself():
    assert Machine("cpu", "fp32").agree(15) == 15


def test_emulated_bf16_is_none(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation)
    assert choose("cuda").value == "fp16"


def test_several_processes_measure_no_precision_each_for_itself(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True, raising=False)
    monkeypatch.setattr(device, "_bf16_ratio", lambda *_: 0.5)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True, raising=False)
    assert choose("cpu").value == "fp32"
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert choose("cpu").value == "bf16"
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: pytest.fail("not there"), raising=False)
    assert choose("cpu").value == "fp32"


def test_bf16_that_a_cpu_only_imitates_is_none(monkeypatch):
    monkeypatch.setattr(arithmetic.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True, raising=False)
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: False, raising=False)
    monkeypatch.setattr(device, "_bf16_ratio", lambda *_: pytest.fail("measured all the same"))
    assert choose("cpu").value == "fp32"


def choose(name: str) -> device.Choice:
    plan = make_plan((), CosineSpec(), base_lr=0.1, epochs=1, samples=32, image_size=32, head=LinearHeadSpec())
    model = build_classifier(ModelSpec(backbone="test_resnet", weights="none"), 2, 32, HALF, HALF)
    return device.choose_precision(name, model, plan.at(0))


def test_tf32_and_compiling_are_chosen_where_they_pay(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (8, 0))
    assert choose_tf32("auto", "cuda")[0]
    assert choose_tf32("auto", "cpu") == (False, None)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (7, 5))
    assert not choose_tf32("auto", "cuda")[0]
    with pytest.raises(InputError, match="has no effect: the cpu device has none"):
        choose_tf32(True, "cpu")
    assert [choose_compile("auto", *given)[0] for given in (("cuda", 400), ("cuda", 9000), ("cpu", 9000))] == [0, 1, 0]
    assert choose_compile(True, "cpu", 3)[0]


def test_layout_and_fused_steps_are_said_and_refused_where_they_do_nothing():
    assert choose_layout("auto", "cpu")[0] == choose_layout("auto", "cuda")[0] == "channels_last"
    assert choose_layout("auto", "mps")[0] == "contiguous"
    assert choose_fused("auto", AdamWSpec(), "cpu") == (True, device.Choice("true", "one pass over all weights a step"))
    assert choose_fused(False, SgdSpec(), "cuda")[0] is False
    assert choose_fused("auto", PagedAdamWSpec(), "cuda") == (False, None)
    with pytest.raises(InputError, match="train.fused: has no effect: the mps device has no such kernel"):
        choose_fused(True, AdamWSpec(), "mps")
    with pytest.raises(InputError, match="train.fused: has no effect: paged_adamw_8bit has kernels of its own"):
        choose_fused(False, PagedAdamWSpec(), "cuda")


def test_neither_layout_nor_fused_steps_change_more_than_rounding(small_recipe, tmp_path):
    """And both are what they say: weights lie one way or the other, and the optimiser is built one way or the other."""
    found, notes = [], []
    for layout, fused in (("channels_last", True), ("contiguous", False)):
        given = {"train.layout": layout, "train.fused": fused, "train.optimizer": {"kind": "sgd", "lr": 0.1}}
        prepared = prepare(load_recipe(small_recipe, given).recipe, "cpu", Console(quiet=True))
        job = prepared_job(prepared, machine_of(prepared, "cpu"), 0, tmp_path)
        learner = Learner(job)
        weight = next(weight for weight in job.model.parameters() if weight.ndim == 4 and min(weight.shape) > 1)
        assert weight.is_contiguous(memory_format=FORMATS[layout])
        assert learner.optimizer.defaults["fused"] is fused
        images = torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
        batch = job.machine.placed(Batch(images, (torch.arange(8) % 3)[:, None], tuple(range(8))))
        assert batch.images.is_contiguous(memory_format=FORMATS[layout])
        settings = job.plan.at(job.plan.steps - 1)
        learner.apply(settings)
        learner.step(batch, settings, 8)
        found.append(torch.cat([weight.detach().flatten() for weight in job.model.parameters()]))
        notes.append([note for note in prepared.notes if note.startswith(("train.layout", "train.fused"))])
    assert torch.allclose(*found, atol=1e-5)
    assert notes[1] == [
        "train.layout: contiguous, asked for in train.layout",
        "train.fused: false, a pass for each weight",
    ]


@pytest.mark.slow
def test_a_compiled_step_is_the_step():
    """It takes a compiler, and half a minute."""
    plan = make_plan((), CosineSpec(), base_lr=0.1, epochs=1, samples=32, image_size=32, head=LinearHeadSpec())
    images = torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    batch = Batch(images, (torch.arange(8) % 3)[:, None], tuple(range(8)))
    weights = []
    for compiled in (False, True):
        learner = Learner(job_of(tiny_model(), plan, TrainSpec(compile=compiled, optimizer=SgdSpec(lr=0.1))))
        learner.apply(plan.at(0))
        learner.step(batch, plan.at(0), 8)
        weights.append(torch.cat([parameter.detach().flatten() for parameter in learner.model.parameters()]))
    assert torch.allclose(*weights, atol=1e-5)
