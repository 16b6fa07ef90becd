"""The predictor, of the bundle that is kept for good: what it takes, and what becomes of what it can't take."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.pictures import picture

import sfumato
from sfumato.errors import InputError
from sfumato.models.arithmetic import full_precision
from sfumato.predict.readings import Readings

BUNDLE = Path(__file__).parents[1] / "golden" / "bundle-format-1"


@pytest.fixture(scope="module")
def model() -> sfumato.Predictor:
    return sfumato.load(BUNDLE, device="cpu")


def cut_off() -> Image.Image:
    buffer = io.BytesIO()
    picture("disc", 0).save(buffer, "JPEG")
    return Image.open(io.BytesIO(buffer.getvalue()[:-200]))


@pytest.mark.parametrize("make", [cut_off, lambda: Image.new("RGB", (0, 3)), lambda: None, io.BytesIO, lambda: 7])
def test_one_bad_input_does_not_stop_the_others(model, make):
    good = picture("disc", 0)
    before, bad, after = model.predict([good, make(), good])
    assert before.error is after.error is None
    assert bad.error
    assert bad.label is bad.confidence is None


@pytest.mark.parametrize(
    "single", ["a.png", Path("a.png"), b"\x89PNG", picture("disc", 0), np.zeros((8, 8, 3), np.uint8)]
)
def test_a_single_input_is_no_list(model, single):
    for call in (model.predict, model.stream):
        with pytest.raises(InputError, match="a single .*; expected a list of images"):
            call(single)


def test_an_array_of_pictures_is_several(model):
    assert len(model.predict(np.zeros((2, 8, 8, 3), np.uint8))) == 2


@pytest.mark.parametrize("device", ["foo", "cuda:99", "meta"])
def test_a_device_that_is_not_there(device):
    with pytest.raises(InputError, match=f"no device {device!r} here; expected .*cpu"):
        sfumato.load(BUNDLE, device=device)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")
def test_no_cuda_here():
    with pytest.raises(InputError, match="no device 'cuda' here; expected cpu"):
        sfumato.load(BUNDLE, device="cuda")


def test_scores_that_are_not_finite_are_an_error_row(model, monkeypatch):
    """Some picture may overflow a network whose samples are fine."""
    scores = np.array([[0, 1, 2], [np.inf, 0, 0], [0, np.nan, 0]], dtype=np.float32)
    monkeypatch.setattr(model, "read", lambda pictures, texts, kept: Readings(scores))
    first, second, third = model.predict([picture("disc", i) for i in range(3)])
    assert first.label == model.labels.names[2]
    assert second.error == third.error == "the network gives it scores that are not finite"
    assert second.probabilities == {}


def switches() -> list[object]:
    return [torch.backends.cudnn.conv.fp32_precision, torch.backends.cuda.matmul.fp32_precision]


def test_golden_samples_are_computed_in_full_precision(monkeypatch):
    """A GPU convolves in TF32 unless told otherwise, which could refuse a good bundle."""
    seen = []
    plain = sfumato.Predictor.read
    monkeypatch.setattr(sfumato.Predictor, "read", lambda *given: seen.append(switches()) or plain(*given))
    former = switches()
    sfumato.load(BUNDLE, device="cpu").predict([picture("disc", 0)])
    assert seen == [["ieee", "ieee"], former]


def test_full_precision_ends_with_its_context():
    former = switches()
    with pytest.raises(KeyError), full_precision():
        assert switches() == ["ieee", "ieee"]
        raise KeyError
    assert switches() == former


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_file_whose_name_is_no_text_can_be_written_down(model, tmp_path, suffix):
    from sfumato.outputs import form_of, write_decisions

    found = model.predict([os.fsdecode(b"\xff.png"), picture("disc", 0)])
    assert found[0].input == "\\udcff.png"
    write_decisions(found, tmp_path / f"d{suffix}", form_of(model))
