"""What follows first stages, fed by their map, gives what the whole network gives; other structures are found out."""

import pytest
import timm
import torch
from tests.jobs import HALF, job_of, tiny_model
from tests.plans import plan
from torch import nn

from sfumato.models.classifier import Classifier, ModelSpec, build_classifier
from sfumato.models.first_stages import FirstStages
from sfumato.models.heads import LinearHeadSpec
from sfumato.training import first_stages_trial
from sfumato.training.first_stages_trial import find_first_stages

REST = ("*", 1.0)


@pytest.fixture(autouse=True)
def however_little_work(monkeypatch):
    monkeypatch.setattr(first_stages_trial, "LEAST_SHARE", 0)
    monkeypatch.setattr(first_stages_trial, "LEAST_A_BYTE", 0)


def pictures(size: int = 64) -> torch.Tensor:
    return torch.randint(0, 256, (4, 3, size, size), generator=torch.Generator().manual_seed(0)).float()


def found(model, *frozen: str):
    learn = (*((pattern, 0.0) for pattern in frozen), REST)
    return find_first_stages(job_of(model, plan()), pictures(), learn)


@pytest.mark.parametrize(
    ("backbone", "frozen", "last"),
    [
        ("test_resnet", ("backbone.conv1.*", "backbone.bn1.*", "backbone.layer[12].*"), "layer2"),
        ("test_efficientnet", ("backbone.conv_stem.*", "backbone.bn1.*", "backbone.blocks.0.*"), "blocks.0"),
        ("test_convnext", ("backbone.stem.*", "backbone.stages.0.*"), "stages.0"),
        ("test_vit", ("backbone.[pc]*", "backbone.blocks.[0-2].*"), "blocks.2"),
        ("test_maxvit", ("backbone.stem.*", "backbone.stages.[01].*"), "stages.1"),
    ],
)
def test_what_follows_gives_what_the_network_gives(backbone, frozen, last):
    torch.manual_seed(0)
    model = build_classifier(ModelSpec(backbone=backbone, weights="none"), 3, 64, HALF, HALF).eval()
    first = found(model, *frozen)
    assert isinstance(first, FirstStages) and first.last == f"backbone.{last}"
    with torch.no_grad():
        maps = first.maps(model, pictures())
        assert maps.shape[1:] == first.shape and maps.dtype == first.dtype
        for one, other in zip(first.follow(model, maps, torch.nan), model(pictures()), strict=True):
            assert torch.equal(one, other)
    assert all("forward" not in vars(module) for module in model.modules())


@pytest.mark.parametrize("backbone", [name for name in timm.list_models("test_*") if name != "test_vit_relpos"])
@pytest.mark.slow
def test_any_family_is_either_refused_or_the_same(backbone):
    torch.manual_seed(0)
    model = build_classifier(ModelSpec(backbone=backbone, weights="none"), 3, 64, HALF, HALF).eval()
    names = [name for name, _ in model.named_parameters() if name.startswith("backbone.")]
    first = found(model, *names[: len(names) // 2])
    if isinstance(first, FirstStages):
        with torch.no_grad():
            fed, whole = first.follow(model, first.maps(model, pictures())), model(pictures())
        assert torch.allclose(fed[0], whole[0], rtol=0, atol=1e-5 * float(whole[0].abs().max()))


class Skipping(nn.Module):
    """Two convolutions, and a way around both that counts for nothing as yet."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3, stride=4), nn.Conv2d(4, 4, 3, padding=1)
        self.third = nn.Conv2d(4, 6, 3)
        self.gain = nn.Parameter(torch.zeros(()))

    def forward(self, images):
        early = self.first(images)
        late = self.second(early)
        return self.third(late + self.gain * early).mean((2, 3))


def test_a_way_around_them_is_found_even_where_it_counts_for_nothing_yet():
    """The features agree to the bit; the gain would never learn."""
    torch.manual_seed(0)
    model = Classifier(Skipping(), LinearHeadSpec(), 6, 3, HALF, HALF)
    first = found(model, "backbone.first.*", "backbone.second.*")
    assert isinstance(first, FirstStages) and first.last == "backbone.first"


class Branching(Skipping):
    def forward(self, images):
        early = self.first(images)
        return self.third(self.second(early) + images.mean() + self.gain).mean((2, 3))


def test_what_also_looks_at_the_picture_is_refused():
    model = Classifier(Branching(), LinearHeadSpec(), 6, 3, HALF, HALF)
    said = found(model, "backbone.first.*", "backbone.second.*")
    assert said == "what follows does not depend on one map alone"


def test_they_end_before_dropout_that_is_on():
    model = tiny_model(dropout=0.5)
    first = found(model, "backbone.[01].*")
    assert isinstance(first, FirstStages) and first.last == "backbone.2"
    first = found(tiny_model(), "backbone.[01].*")
    assert isinstance(first, FirstStages) and first.last == "backbone.3"


def test_there_are_none_where_the_first_thing_learns():
    assert found(tiny_model(), "backbone.[1-9].*") is None


def test_a_map_that_is_read_as_slowly_as_computed_is_not_kept(monkeypatch):
    monkeypatch.setattr(first_stages_trial, "LEAST_A_BYTE", 20)
    assert "hardly less work" in str(found(tiny_model(), "backbone.[01].*"))


def test_first_stages_that_take_little_of_a_step_are_not_kept(monkeypatch):
    """Of 31 x 31 x 8 x 27 multiply-adds and 15 x 15 x 16 x 72, the latter three times."""
    share = 207_576 / (207_576 + 3 * (15 * 15 * 16 * 72 + 16 * 3))
    monkeypatch.setattr(first_stages_trial, "LEAST_SHARE", share + 1e-4)
    assert f"{share:.1%} of the multiply-adds" in str(found(tiny_model(), "backbone.[01].*"))
    monkeypatch.setattr(first_stages_trial, "LEAST_SHARE", share - 1e-4)
    assert isinstance(found(tiny_model(), "backbone.[01].*"), FirstStages)


def test_weights_that_other_modules_take_belong_to_them():
    """Attention's `out_proj` never runs itself."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 8, 8, stride=8), nn.Flatten(2), nn.TransformerEncoderLayer(64, 1, 8, batch_first=True)]
    model = Classifier(nn.Sequential(*layers, nn.Flatten(), nn.Linear(512, 6)), LinearHeadSpec(), 6, 3, HALF, HALF)
    for layer in layers:
        layer.eval()
    first = found(model, "backbone.[0-2].*")
    assert isinstance(first, FirstStages)
    assert "backbone.2.self_attn.out_proj.weight" in first.tensors
    assert not any(name.startswith(("backbone.4", "head")) for name in first.tensors)
