"""Tracks that are no numbers: their words, their clips and their place in rows, table and picture."""

import json
from pathlib import Path

import pytest

from sfumato.document import parse_document
from sfumato.losses.focal import FocalSpec
from sfumato.models.classifier import ModelSpec, build_classifier
from sfumato.models.heads import CosineHeadSpec, LinearHeadSpec
from sfumato.report.canvas import Canvas, text_width
from sfumato.report.choice_words import words
from sfumato.report.clip_picture import draw_clips
from sfumato.report.clips import Clip, ClipLane
from sfumato.report.epoch_axis import EpochAxis
from sfumato.report.timeline import plan_figure, plan_rows, plan_text, timeline_frame
from sfumato.training.averaging import SwaSpec
from sfumato.training.duration import ZERO
from sfumato.training.keyframe import Keyframe
from sfumato.training.plan import make_plan
from sfumato.training.schedules import CosineSpec

HALF = (0.5, 0.5, 0.5)
TIMELINE = """
- {at: 0ep, learn: {"head.*": 1, "*": frozen}, class_weights: {power: 0.5}, loss: {kind: focal}}
- {at: 2ep, learn: {"*": 1}, class_weights: off}
- {at: 4ep, loss: {kind: tail_focal}, head: {kind: cosine, start: old_rows}, head_warmup: 1ep}
- {at: 6ep, centre_loss: {weight: 0.003}, loss: {kind: cross_entropy}}
- {at: 8ep, swa: {lr: 1e-4, every: 2, anneal: 1ep}}
"""


@pytest.fixture(scope="module")
def model():
    return build_classifier(ModelSpec(backbone="test_efficientnet", weights="none"), 3, 32, HALF, HALF)


@pytest.fixture(scope="module")
def chosen():
    timeline = parse_document(f"timeline:{TIMELINE}", "made up", Path()).settings["timeline"]
    keyframes = [Keyframe.model_validate_json(json.dumps(entry)) for entry in timeline]
    schedule = CosineSpec.model_validate_json('{"until": "8ep"}')
    return make_plan(keyframes, schedule, base_lr=0.01, epochs=12, samples=320, image_size=32, head=LinearHeadSpec())


def test_the_picture_has_a_clip_for_each_choice(chosen, model):
    lanes = [lane for lane in timeline_frame(chosen, model).lanes if isinstance(lane, ClipLane)]
    clips = {lane.track: [(c.start, c.end, c.texts[0]) for c in lane.clips if not c.off] for lane in lanes}
    assert clips == {
        "head": [(0, 4, "linear head"), (4, 12, "cosine head × 30, from the rows before")],
        "class_weights": [(0, 2, "inverse frequency ^ 0.5")],
        "loss": [(0, 4, "focal γ 2"), (4, 6, "tail focal γ 1.5, rarest 25 %"), (6, 12, "cross-entropy")],
        "centre_loss": [(6, 12, "centre loss 0.003")],
        "swa": [(8, 12, "SWA every 2 epochs, lr 1e-4")],
    }
    fades = {lane.track: [clip.fade for clip in lane.clips] for lane in lanes}
    assert (fades["head"], fades["swa"]) == ([0, 1], [0, 1])
    assert plan_figure(chosen, model).axes


def test_every_choice_is_in_the_json_rows(chosen, model):
    rows = {row["epoch"]: row for row in plan_rows(chosen, model)}
    json.dumps(list(rows.values()))
    assert rows[0]["class_weights"] == {"kind": "inverse_frequency", "power": 0.5, "cap": 50.0, "mean_over": "weights"}
    assert rows[2]["class_weights"] is None
    assert rows[4]["head"]["kind"] == "cosine"
    assert rows[4]["loss"]["kind"] == "tail_focal"
    assert rows[6]["centre_loss"]["weight"] == 0.003
    assert (rows[6]["swa"], rows[8]["swa"]["every"]) == (None, 2)
    assert rows[0]["images"] == 320
    assert {at: row["changes"] for at, row in rows.items()} == {
        0: ["learn", "class_weights", "loss"],
        2: ["learn", "class_weights"],
        4: ["head", "loss", "head_warmup"],
        5: ["head_warmup"],
        6: ["loss", "centre_loss"],
        8: ["swa"],
        9: [],
    }


def test_parameters_are_counted_by_pattern_and_head(chosen, model):
    rows = {row["epoch"]: row for row in plan_rows(chosen, model)}
    head, body = 3 * model.width + 3, sum(p.numel() for p in model.backbone.parameters())
    assert rows[0]["patterns"] == {"head.*": head, "*": body}
    assert (rows[0]["learning"], rows[0]["parameters"]) == (head, head + body)
    assert rows[2]["patterns"] == {"*": head + body}
    assert rows[4]["parameters"] == body + 3 * model.width  # a cosine head has no bias


def test_the_text_says_what_is_chosen_when(chosen, model):
    text = plan_text(chosen, model)
    part = text[text.index("what is chosen") : text.index("\n\n", text.index("what is chosen"))]
    assert (
        part
        == """\
what is chosen from which epoch on:
    0  head: linear; class weights: inverse frequency ^ 0.5; loss: focal γ 2
    2  class weights: off
    4  head: cosine × 30, from the rows before; loss: tail focal γ 1.5, rarest 25 %
    6  loss: cross-entropy; centre loss: 0.003
    8  SWA: every 2 epochs, lr 1e-4"""
    )


@pytest.mark.parametrize(
    "choice", [None, FocalSpec(), CosineHeadSpec(start="class_means"), SwaSpec(lr=0.1, anneal=ZERO)]
)
def test_shorter_words_are_shorter(choice):
    lengths = [len(text) for text in words(choice)]
    assert lengths == sorted(lengths, reverse=True)


def test_a_name_stands_on_its_clip_or_on_the_empty_line_beside_it():
    axis = EpochAxis(100, 0, 600, 0)
    name = ("centre loss 0.01",)
    assert text_width(name[0], 10) < 120
    drawn = {}
    for case, spans in {"on": (0, 50, 100), "after": (0, 3, 100), "before": (0, 97, 100)}.items():
        clip, empty = Clip(*spans[:2], name, off=False), Clip(*spans[1:], ("off",), off=True)
        if case == "before":
            clip, empty = Clip(*spans[1:], name, off=False), Clip(*spans[:2], ("off",), off=True)
        canvas = Canvas(600, 40)
        draw_clips(canvas, axis, sorted((clip, empty), key=lambda one: one.start), 0, "#93809a")
        (text,) = canvas.figure.axes[0].texts
        drawn[case] = text.get_position()[0]
    assert drawn["on"] == 7
    assert drawn["after"] == 18 + 7
    assert drawn["before"] + text_width(name[0], 10) == pytest.approx(97 * 6 - 7)


def test_cuts_leave_words_alone():
    canvas = Canvas(100, 100)
    canvas.text(40, 50, "words", size=10)
    assert canvas.free_of_words(45, 0, 100) == [(0, 40), (50 + 10 / 3, 100)]
    assert canvas.free_of_words(5, 0, 100) == [(0, 100)]
