"""Workers by what was measured; whatever is chosen, the training is the same."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from tests.jobs import colours_of, job_of, tiny_model

from sfumato.models.heads import LinearHeadSpec
from sfumato.training import loader_choice
from sfumato.training.job import TrainSpec
from sfumato.training.keyframe import Keyframe
from sfumato.training.loader_choice import choose_loader
from sfumato.training.plan import make_plan
from sfumato.training.schedules import CosineSpec


def job(table, epochs=300, **spec):
    frames = [Keyframe.model_validate({"at": "0ep", "batch_size": 4})]
    plan = make_plan(frames, CosineSpec(), base_lr=1e-3, epochs=epochs, samples=8, image_size=32, head=LinearHeadSpec())
    return job_of(tiny_model(), plan, TrainSpec(**spec), train=table, val=table)


@pytest.fixture
def table(tmp_path):
    return colours_of([3, 3, 2], tmp_path)


@pytest.mark.parametrize(
    ("cores", "share", "device", "workers"),
    [
        (2, 0.3, "cpu", 0),
        (2, 0.7, "cpu", 1),
        (4, 0.05, "cpu", 0),
        (4, 0.3, "cpu", 1),
        (8, 2.5, "cpu", 3),
        (4, 9.0, "cpu", 2),
        (16, 0.1, "cuda", 2),
        (16, 5.2, "cuda", 7),
        (4, 9.0, "cuda", 4),
    ],
)
def test_workers_keep_up_with_the_network_and_leave_it_its_cores(monkeypatch, table, cores, share, device, workers):
    monkeypatch.setattr(loader_choice, "cores", lambda: cores)
    monkeypatch.setattr(loader_choice, "_measured", lambda job: (share, 1.0))
    one = replace(job(table), machine=SimpleNamespace(device=torch.device(device), processes=1))
    found = choose_loader(one)
    assert found.workers == workers
    assert f"{share:.2f} times" in found.reason


def test_the_measurement_leaves_the_job_as_it_was(table):
    one = job(table)
    before = {name: tensor.clone() for name, tensor in one.model.state_dict().items()}
    state = torch.get_rng_state()
    found = choose_loader(one)
    assert "times as long as a step" in found.reason
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(tensor, before[name]) for name, tensor in one.model.state_dict().items())


def test_short_trainings_are_not_measured(monkeypatch, table):
    monkeypatch.setattr(loader_choice, "_measured", lambda job: pytest.fail("measured"))
    assert "too few to measure" in choose_loader(job(table, epochs=3)).reason
    assert choose_loader(job(table, workers=3)).workers == 3
