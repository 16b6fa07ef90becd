import pytest
import torch
from accelerate.state import PartialState

from sfumato.models.classifier import ModelSpec, build_classifier
from sfumato.models.heads import LinearHeadSpec
from sfumato.training import device
from sfumato.training.machine import Machine
from sfumato.training.plan import make_plan
from sfumato.training.schedules import CosineSpec

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
    monkeypatch.setattr(device.platform, "machine", lambda: "x86_64")
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
