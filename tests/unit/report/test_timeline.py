"""The plan as lanes, rows, text and picture. Plan: 6 epochs of 10 steps, see conftest."""

import json

import pytest
from torch import nn

from sfumato.models.heads import LinearHeadSpec
from sfumato.report.lanes import off_tracks, rate_lane, step_at, track_lanes
from sfumato.report.learning import learning_bars
from sfumato.report.svg import inline, to_svg
from sfumato.report.timeline import plan_figure, plan_rows, plan_text, write_plan
from sfumato.training.keyframe import Keyframe
from sfumato.training.plan import make_plan
from sfumato.training.schedules import CosineSpec

TEXT = """\
6 epochs, 60 steps, 100 images an epoch

epoch    lr  learns  lr x  px  batch  augment   mixup
    0     0       6     1  32     10        1     0.4
    1  0.01       6     1  32     10        1     0.4
    2  0.01      14     1  32     10        1  0.4->0
    4  5e-3      14   0.5  48     10        1       0
    6  5e-3

14 parameters; what learns from which epoch on:
    0  head.*      6  learns
       *           8  frozen
    2  *          14  learns
"""


def test_the_text_shows_the_tracks_that_do_something(plan, net):
    assert plan_text(plan, net) == TEXT


def test_the_text_fits_a_terminal(net):
    track = {"to": 0.5, "over": "1ep"}
    everything = {
        **dict.fromkeys(("mixup_alpha", "cutmix_alpha", "label_smoothing", "augment", "sampler_power"), track),
        **dict.fromkeys(("mix_probability", "cutmix_share", "lr_scale"), track),
        "at": "1ep",
        "ema_decay": 0.9999,
        "image_size": {"to": 1024, "over": "2ep"},
        "batch_size": 4096,
    }
    keyframes = [Keyframe.model_validate(everything)]
    plan = make_plan(
        keyframes, CosineSpec(), base_lr=1.5e-4, epochs=8, samples=9000, image_size=224, head=LinearHeadSpec()
    )
    assert max(map(len, plan_text(plan, net).splitlines())) <= 110


def test_a_row_holds_what_begins_there(plan, net):
    rows = plan_rows(plan, net)
    json.dumps(rows)
    assert [row["epoch"] for row in rows] == [0, 1, 2, 4]
    assert [row["step"] for row in rows] == [0, 10, 20, 40]
    assert [row["changes"] for row in rows] == [
        ["learn", "batch_size", "mixup_alpha", "image_size"],
        ["warmup"],
        ["learn", "mixup_alpha"],
        ["lr_scale", "mixup_alpha", "image_size"],
    ]
    assert rows[2]["ramps"] == {"mixup_alpha": {"to": 0.0, "until": 4.0}}
    assert [row["learning"] for row in rows] == [6, 6, 14, 14]
    assert [row["lr"] for row in rows] == pytest.approx([0, 0.01, 0.01, 0.005])
    assert rows[0]["learn"] == {"head.*": 1.0, "*": 0.0}


def test_a_track_is_cut_into_what_it_holds_and_how_it_moves(plan):
    lanes = {lane.track: lane for lane in track_lanes(plan)}
    mixup = [(piece.start, piece.end, piece.text) for piece in lanes["mixup_alpha"].pieces]
    assert mixup == [(0, 2, "0.4"), (2, 4, "0.4 \N{RIGHTWARDS ARROW} 0"), (4, 6, "off")]
    assert [piece.text for piece in lanes["image_size"].pieces] == ["32 px", "48 px"]
    assert lanes["batch_size"].constant
    assert lanes["mixup_alpha"].top == 0.4
    assert lanes["image_size"].top == 48  # and not 64, which the first keyframe replaces before a step is taken
    assert off_tracks(plan) == (
        *("sampler power", "label smoothing", "CutMix", "EMA decay"),
        *("class weights", "centre loss", "SWA"),
    )


def test_a_keyframe_that_repeats_a_value_cuts_nothing():
    keyframes = [
        Keyframe.model_validate({"at": "1ep", "augment": 1}),
        Keyframe.model_validate({"at": "2ep", "augment": 0}),
    ]
    plan = make_plan(keyframes, CosineSpec(), base_lr=0.1, epochs=4, samples=64, image_size=32, head=LinearHeadSpec())
    lanes = {lane.track: lane for lane in track_lanes(plan)}
    assert [(piece.start, piece.end) for piece in lanes["augment"].pieces] == [(0, 2), (2, 4)]


def test_a_ramp_of_the_image_size_has_the_sizes_training_uses():
    keyframes = [Keyframe.model_validate({"at": "0ep", "image_size": {"to": 128, "over": "3ep"}})]
    plan = make_plan(keyframes, CosineSpec(), base_lr=0.1, epochs=4, samples=3200, image_size=64, head=LinearHeadSpec())
    ramp = next(lane for lane in track_lanes(plan) if lane.track == "image_size").pieces[0]
    assert {value for _, value in ramp.points} == {64, 96, 128}
    assert ramp.text == "64 \N{RIGHTWARDS ARROW} 128 px"
    assert ramp.rises


def test_the_rate_has_its_peak_and_its_jumps(plan):
    lane = rate_lane(plan)
    assert lane.peak == (1.0, 0.01)
    assert lane.warmup == 1
    assert lane.last == 0.005
    before, after = [value for at, value in lane.points if abs(at - 4) < 1e-6]
    assert (before, after) == pytest.approx((0.01, 0.005))


@pytest.mark.parametrize(("epoch", "step"), [(0, 0), (0.5, 5), (0.51, 6), (2, 20), (5.99, 59), (6, 59)])
def test_a_moment_is_the_first_step_that_knows_of_it(plan, epoch, step):
    assert step_at(plan, epoch) == step


def test_parameters_of_one_fate_are_one_bar(plan, net):
    head, backbone = learning_bars(plan, net)
    assert (head.name, head.parameters, len(head.pieces)) == ("head", 6, 1)
    assert (backbone.name, backbone.parameters) == ("backbone", 8)
    assert [(p.start, p.end, p.share, p.text) for p in backbone.pieces] == [(0, 2, 0, "frozen"), (2, 6, 1, "learns")]


def test_a_part_of_the_backbone_is_named_by_its_prefix(net):
    table = {"head.*": 1, "backbone.1.*": 0.5, "*": "frozen"}
    keyframes = [Keyframe.model_validate({"at": "0ep", "learn": table})]
    plan = make_plan(keyframes, CosineSpec(), base_lr=0.1, epochs=2, samples=64, image_size=32, head=LinearHeadSpec())
    bars = learning_bars(plan, net)
    assert [bar.name for bar in bars] == ["head", "backbone.1", "backbone.0"]
    assert bars[1].pieces[0].text == "learns at 0.5 \N{MULTIPLICATION SIGN} lr"


def test_many_fates_are_drawn_by_top_part():
    net = nn.ModuleDict({"backbone": nn.Sequential(*(nn.Linear(1, 1) for _ in range(14))), "head": nn.Linear(1, 1)})
    tables = [{**{f"backbone.{i}.*": 1 for i in range(e, 14)}, "head.*": 1, "*": "frozen"} for e in range(13, 0, -1)]
    keyframes = [Keyframe.model_validate({"at": f"{e}ep", "learn": table}) for e, table in enumerate(tables)]
    plan = make_plan(keyframes, CosineSpec(), base_lr=0.1, epochs=13, samples=64, image_size=32, head=LinearHeadSpec())
    head, backbone = learning_bars(plan, net)
    assert (head.name, backbone.name, backbone.parameters) == ("head", "backbone", 28)
    assert [piece.share for piece in backbone.pieces] == pytest.approx([i / 14 for i in range(1, 14)])
    assert backbone.pieces[0].text == "2 learn"


def test_the_same_plan_gives_the_same_bytes(plan, net, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_plan(plan, net, tmp_path / name)
    for file in ("plan.txt", "plan.svg", "plan.png"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    svg = (tmp_path / "one" / "plan.svg").read_text(encoding="utf-8")
    assert "date" not in svg.lower()
    for words in ("learning rate", "frozen", "32 px", "48 px", "mixup", "off throughout"):
        assert words in svg


def test_a_picture_in_a_page_needs_nothing_from_outside(plan, net):
    svg = inline(to_svg(plan_figure(plan, net)), "timeline", 'a "title"')
    assert svg.startswith("<svg role=")
    assert "http" not in svg
    assert "var(--accent)" in svg
    assert "#47698" not in svg
    assert 'aria-label="a &#34;title&#34;"' in svg
