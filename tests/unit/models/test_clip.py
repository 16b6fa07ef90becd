"""OpenCLIP's towers: the features are those of OpenCLIP itself."""

import json

import pytest
import torch

from sfumato.errors import InputError
from sfumato.models.clip import ClipImage, ClipSpec, build_towers, config_of, load_towers, resized
from sfumato.models.family import build_model
from sfumato.models.text_tower import Tokens
from sfumato.models.weights import WeightsFrom

HALF = (0.5, 0.5, 0.5)


def test_the_extra_is_named_where_it_is_missing():
    if __import__("importlib.util").util.find_spec("open_clip"):
        pytest.skip("open_clip is installed")
    with pytest.raises(InputError, match=r"needs open_clip, .* pip install 'sfumato\[clip\]'"):
        config_of(ClipSpec(name="ViT-B-32"))


def test_places_of_the_own_grid_stay_and_others_lie_between():
    table = torch.arange(1 + 9.0)[:, None].repeat(1, 4)
    assert resized(table, 3) is table
    larger = resized(table, 6)
    assert larger.shape == (37, 4)
    assert torch.equal(larger[0], table[0])
    assert larger[1:].mean().item() == pytest.approx(table[1:].mean().item(), abs=0.05)


class Patches(torch.nn.Module):
    patch_size = (14, 14)

    def __init__(self) -> None:
        super().__init__()
        self.positional_embedding = torch.nn.Parameter(torch.zeros(1 + 4, 2))

    def forward(self, images):
        return self.positional_embedding.sum(dim=0).repeat(len(images), 1)


def test_sizes_that_patches_do_not_fill_are_refused():
    tower = ClipImage(Patches())
    assert tower(torch.zeros(2, 3, 42, 42)).shape == (2, 2)
    with pytest.raises(ValueError, match="its patches are 14 px, and 240 is no multiple"):
        tower(torch.zeros(1, 3, 240, 240))


def test_features_are_those_of_open_clip():
    clip = pytest.importorskip("open_clip")
    torch.manual_seed(0)
    whole = clip.create_model("ViT-B-32", force_quick_gelu=True).eval()
    spec = ClipSpec(name="ViT-B-32-quickgelu", weights="none")
    image, text = build_towers(spec, 224, None)
    image.visual.load_state_dict(whole.visual.state_dict())
    text.text.load_state_dict(_custom(whole))
    image.eval(), text.eval()
    pictures, texts = torch.randn(2, 3, 224, 224), ["a red shirt", "红色衬衫 😀 " * 60]
    with torch.no_grad():
        assert torch.allclose(image(pictures), whole.encode_image(pictures), atol=1e-5)
        found = text(*Tokens(text).padded(texts, torch.device("cpu")))
        assert torch.allclose(found, whole.encode_text(clip.get_tokenizer("ViT-B-32")(texts)), atol=1e-5)


@pytest.mark.slow
def test_the_activation_is_kept_in_the_bundles_files(tmp_path):
    clip = pytest.importorskip("open_clip")
    torch.manual_seed(0)
    whole = clip.create_model("ViT-B-32", force_quick_gelu=True, force_custom_text=True).eval()
    torch.save(whole.state_dict(), tmp_path / "w.pt")
    spec = ClipSpec(name="ViT-B-32-quickgelu", weights=WeightsFrom(file=str(tmp_path / "w.pt")))
    image, text = build_towers(spec, 224, None)
    assert load_towers(image, text, spec, 224).endswith("QuickGELU")
    files = text.files()
    assert json.loads(files["clip.json"])["quick_gelu"] is True
    again, _ = build_towers(ClipSpec(name="ViT-B-32"), 224, files)
    again.load_state_dict(image.state_dict())
    picture = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        assert torch.equal(again.eval()(picture), image.eval()(picture))


def test_parameters_are_named_by_tower():
    pytest.importorskip("open_clip")
    model = build_model(ClipSpec(name="ViT-B-32", weights="none"), 3, 224, HALF, HALF)
    assert {name.split(".")[0] for name, _ in model.named_parameters()} == {"image", "text", "missing", "head"}


def _custom(whole) -> dict[str, torch.Tensor]:
    """The text part of a plain CLIP, as a tower of its own."""
    parts = ("positional_embedding", "text_projection", "token_embedding.", "transformer.", "ln_final.")
    return {name: tensor for name, tensor in whole.state_dict().items() if name.startswith(parts)}
