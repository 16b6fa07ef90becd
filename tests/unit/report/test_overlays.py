"""What spoke for an answer, laid over the pictures of mistakes on the page."""

import base64
import io
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from sfumato.predict import explainer as explaining
from sfumato.predict.explainer import read_explainer
from sfumato.report.evidence import read_evidence
from sfumato.report.frames import Mistake
from sfumato.report.laid_over import FADED, STRENGTH, TINT, laid_over, laid_over_part
from sfumato.report.overlays import overlays
from sfumato.report.page import render
from sfumato.run_folder import RunFolder


def test_a_picture_is_grey_but_for_what_tells():
    pixels = np.full((8, 8, 3), [200, 100, 50], dtype=np.uint8)
    assert (
        laid_over(pixels, np.zeros((2, 2), dtype=np.float32)) == round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)
    ).all()
    tinted = laid_over(pixels, np.ones((2, 2), dtype=np.float32))[4, 4]
    assert tinted.tolist() == [round((1 - STRENGTH) * 124.2 + STRENGTH * one) for one in TINT]


def test_mistakes_of_a_run(small_run):
    """The picture of each is as the network sees it, and the page is the same each time it is made."""
    folder = RunFolder(small_run.folder)
    evidence = read_evidence(folder)
    page = render(evidence)
    assert render(evidence) == page
    shown = re.findall(r'<img class="evidence" src="data:image/jpeg;base64,([^"]+)"', page)
    mistakes = page[page.index("<h2>Worst mistakes") : page.index("<h2>Likely wrong labels")]
    assert 0 < len(shown) == mistakes.count("<figcaption>")
    assert 'id="evidence"' in page and 'for="evidence"' in page
    with Image.open(io.BytesIO(base64.b64decode(shown[0]))) as picture:
        assert picture.size == (48, 48)


def test_a_picture_that_is_gone_has_none(small_run, tmp_path):
    explainer = read_explainer(small_run.bundle)
    assert explainer is not None
    assert overlays(explainer, [Mistake("x", "a", "b", 0.9, abstained=False)], {"x": str(tmp_path / "gone.png")}) == {}


def test_without_a_bundle_nothing_is_explained(make_run):
    assert read_explainer(make_run(pictures=False).bundle) is None


def test_weights_that_can_explain_nothing_are_not_read(small_run, tmp_path, monkeypatch):
    """Those of a large bundle take a while to read and to check."""
    monkeypatch.setattr(explaining, "read_bundle", lambda _: pytest.fail("it was read"))
    folder = tmp_path / "bundle"
    shutil.copytree(small_run.bundle, folder)
    (folder / "model.json").write_text(json.dumps({"kind": "text", "text": {"kind": "tfidf"}}))
    assert read_explainer(folder) is None


@pytest.mark.parametrize("side", [1, 3])
def test_any_size_of_map(side):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    assert laid_over(pixels, np.ones((side, side), dtype=np.float32)).shape == (5, 7, 3)


def test_of_a_part_the_rest_is_faded():
    pixels = np.random.default_rng(0).integers(0, 256, (8, 16, 3), dtype=np.uint8)
    places = np.random.default_rng(1).random((4, 4), dtype=np.float32)
    found = laid_over_part(pixels, places, (0.25, 0, 0.75, 1))
    assert np.array_equal(found[:, 4:12], laid_over(pixels[:, 4:12], places))
    grey = pixels[:, :4] @ np.array([0.299, 0.587, 0.114])
    assert found[:, :4, 0] == pytest.approx((1 - FADED) * grey + FADED * 128, abs=0.6)


def test_what_lies_beyond_the_picture_is_left_out():
    """Of a network that was shown the picture between bars the rows of the map that are of the picture count."""
    pixels = np.full((8, 16, 3), 100, dtype=np.uint8)
    places = np.zeros((16, 16), dtype=np.float32)
    places[4:8] = 1
    found = laid_over_part(pixels, places, (0, -0.5, 1, 1.5))
    assert (found[:4, :, 0] > 150).all() and (found[4:] == 100).all()
    assert np.array_equal(found, laid_over(pixels, places[4:12]))


@pytest.mark.parametrize("shape", [(1, 512, 3), (512, 1, 3), (1, 1, 3)])
def test_pictures_of_a_line_are_drawn(shape):
    pixels = np.full(shape, 100, dtype=np.uint8)
    for box in ((0.4999, 0, 0.5001, 1), (0, 0.4999, 1, 0.5001), (0, -255.5, 1, 256.5), (0, 0, 1, 1)):
        assert laid_over_part(pixels, np.ones((3, 3), dtype=np.float32), box).shape == shape
