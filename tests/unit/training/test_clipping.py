"""Clipping under fp16's loss scaling: the optimiser sees the gradient of fp32, at most as long as the limit.

fp16 needs a GPU, and the part of accelerate that scales losses does not: here it is switched on by hand, in front of
arithmetic in fp32, so that both norms must be the same. Its own autocast is left to the test that needs a GPU.
"""

import contextlib
import copy
from typing import Any, cast

import pytest
import torch
from tests.jobs import job_of, table_of, tiny_model
from tests.plans import plan

from sfumato.data.loading import Batch
from sfumato.training.job import TrainSpec
from sfumato.training.machine import Machine
from sfumato.training.optimizer import AdamWSpec, SgdSpec
from sfumato.training.step import Learner

HEAD = {"at": "1ep", "head": {"kind": "cosine", "start": "old_rows"}}
SCALE = 65536.0


def scaling_machine(device="cpu") -> Machine:
    """As a GPU's in fp16, but for autocast."""
    if device != "cpu":
        return Machine(device, "fp16")
    machine = Machine("cpu", "fp32")
    accelerator = cast(Any, machine)._accelerator
    accelerator.native_amp = True
    accelerator.state._mixed_precision = "fp16"
    accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=SCALE)
    machine.autocast = contextlib.nullcontext
    return machine


def norms(machine, clip_norm, pieces=1, steps=8, optimizer=None, device="cpu"):
    """Norms of the gradients that the optimiser is given, and the weights in the end; a new head comes half-way."""
    p = plan({"at": "0ep", "batch_size": 8}, HEAD, epochs=2, samples=32, lr=0.02)
    spec = TrainSpec(clip_norm=clip_norm, accumulate=pieces, optimizer=optimizer or SgdSpec(momentum=0))
    job = job_of(tiny_model().to(device), p, spec, train=table_of([12, 12, 8]), machine=machine)
    learner, seen = Learner(job), []

    def spy(of, *_):
        gradients = [w.grad for group in of.param_groups for w in group["params"] if w.grad is not None]
        seen.append(float(torch.nn.utils.get_total_norm(gradients)))

    watched = None
    for step in range(steps):
        learner.apply(p.at(step))
        if learner.optimizer is not watched:
            watched = learner.optimizer
            watched.register_step_pre_hook(spy)
        generator = torch.Generator().manual_seed(step)
        images = torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8, generator=generator).to(device)
        learner.step(Batch(images, (torch.arange(8, device=device) % 3)[:, None], tuple(range(8))), p.at(step), 8)
    assert len(seen) == steps
    return seen, torch.cat([weight.detach().flatten() for weight in learner.model.parameters()])


@pytest.mark.parametrize("pieces", [1, 2])
@pytest.mark.parametrize("optimizer", [SgdSpec(momentum=0), AdamWSpec()])
@pytest.mark.parametrize("clip_norm", [0.05, 1e6, None])
def test_the_optimiser_sees_the_gradient_of_fp32(clip_norm, optimizer, pieces):
    plain, weights = norms(Machine("cpu", "fp32"), clip_norm, pieces, optimizer=optimizer)
    scaled, same = norms(scaling_machine(), clip_norm, pieces, optimizer=optimizer)
    if clip_norm is None:  # then the scaler itself undoes the scale, within the optimiser's own kernel
        scaled = [norm / SCALE if norm > 100 else norm for norm in scaled]
    assert scaled == pytest.approx(plain, rel=1e-4)
    assert torch.allclose(same, weights, rtol=1e-4, atol=1e-6)
    if clip_norm == 0.05:
        assert max(scaled) <= 0.05 * (1 + 1e-4)
        assert min(scaled) >= 0.05 * (1 - 1e-3)


def test_clipping_is_torchs():
    model = tiny_model()
    machine, twin = Machine("cpu", "fp32"), copy.deepcopy(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    seen = []
    optimizer.register_step_pre_hook(lambda of, *_: seen.append([w.grad.clone() for w in of.param_groups[0]["params"]]))
    machine.take(optimizer)
    images = 255 * torch.rand(6, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    machine.differentiate(model.logits(images).square().sum())
    machine.move(model.parameters(), 0.3)
    twin.logits(images).square().sum().backward()
    torch.nn.utils.clip_grad_norm_(twin.parameters(), 0.3)
    for ours, theirs in zip(seen[0], (weight.grad for weight in twin.parameters()), strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-7)


def test_a_machine_keeps_no_optimiser_but_the_one_it_moves():
    machine = Machine("cpu", "fp32")
    for _ in range(3):
        machine.take(torch.optim.SGD(tiny_model().parameters(), lr=0.1))
    assert len(cast(Any, machine)._accelerator._optimizers) == 1


def test_a_step_that_overflows_is_left_out_and_the_scale_halved():
    machine, model = scaling_machine(), tiny_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    machine.take(optimizer)
    before = model.head[1].weight.detach().clone()
    machine.differentiate(model.logits(torch.rand(4, 3, 16, 16)).sum() * 1e38)
    machine.move(model.parameters(), 1.0)
    assert torch.equal(model.head[1].weight, before)
    assert machine.scaler_state()["scale"] == SCALE / 2
    again = scaling_machine()
    again.restore_scaler(machine.scaler_state())
    assert again.scaler_state() == machine.scaler_state()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("clip_norm", [0.05, 1e6])
def test_fp16_on_a_gpu_sees_the_gradient_of_fp32(clip_norm):
    plain, _ = norms(Machine("cuda", "fp32"), clip_norm, device="cuda")
    halves, _ = norms(scaling_machine("cuda"), clip_norm, device="cuda")
    assert halves == pytest.approx(plain, rel=0.05)
    assert max(halves) <= clip_norm * (1 + 1e-3)
