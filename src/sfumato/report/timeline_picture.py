"""The timeline as a film editor draws it: a lane a track, one epoch axis, every keyframe a cut through all lanes."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from sfumato.report.canvas import Canvas, text_width
from sfumato.report.clip_picture import CLIP_HEIGHT, draw_clips
from sfumato.report.clips import ClipLane
from sfumato.report.epoch_axis import EpochAxis
from sfumato.report.lanes import Piece, RateLane, TrackLane
from sfumato.report.learning import LearningBar, LearningPiece
from sfumato.report.palette import ACCENT, HAIR, INK, MAUVE, MUTED, OCHRE, PAPER, SAGE, SMOKE, UMBER, fading
from sfumato.report.svg import own_style
from sfumato.report.wording import rate
from sfumato.short import short

WIDTH = 900
MARGIN = 28
"""Pixels at the left and at the right."""
_LEFT, _RIGHT = 190, WIDTH - MARGIN
_RULER = 80
_TOP = 118
_RATE_HEIGHT, _BAR_HEIGHT, _TRACK_HEIGHT, _STRIP_HEIGHT = 118, 22, 40, 18
_BAR_GAP, _GAP, _SECTION_GAP, _WARMUP_GAP = 5, 22, 30, 44
_SMALL = 10
_PAD = 7
_LOW = 15
"""A line lower than this would run through a label below it."""

TONES = {
    "head": UMBER,
    "image_size": SAGE,
    "batch_size": SAGE,
    "augment": OCHRE,
    "sampler_power": OCHRE,
    "class_weights": OCHRE,
    "teacher_forcing": SMOKE,
    "ema_decay": SMOKE,
    "swa": SMOKE,
}
"""Colour of a track's lane; the loss, and what softens the targets and blends pictures, have `MAUVE`."""


@dataclass(frozen=True)
class TimelineFrame:
    """All that the picture of a timeline shows."""

    head: str
    """One line: epochs, steps, images an epoch."""
    epochs: int
    keyframes: tuple[float, ...]
    """Epochs."""
    rate: RateLane
    bars: tuple[LearningBar, ...]
    lanes: tuple[TrackLane | ClipLane, ...]
    off: tuple[str, ...]
    """Names of the tracks that are left out."""


def draw_timeline(frame: TimelineFrame) -> Figure:
    """A figure 900 pixels wide, as high as its lanes need."""
    with own_style():
        canvas = Canvas(WIDTH, _height(frame), PAPER)
        canvas.text(MARGIN, 34, frame.head, size=14, weight="bold")
        y = _rate(canvas, frame, _TOP) + _WARMUP_GAP
        y = _bars(canvas, frame, y) + _SECTION_GAP
        for lane in frame.lanes:
            y = _lane(canvas, frame, lane, y) + _GAP
        _axis(frame).cut(canvas, frame.keyframes, y - _GAP + 4)
        _axis(frame).draw(canvas, frame.keyframes, MARGIN)
        if frame.off:
            canvas.text(_LEFT, y + 12, f"off throughout: {', '.join(frame.off)}", MUTED, _SMALL)
    return canvas.figure


def _height(frame: TimelineFrame) -> float:
    bars = len(frame.bars) * (_BAR_HEIGHT + _BAR_GAP) - _BAR_GAP
    tracks = sum(_lane_height(lane) + _GAP for lane in frame.lanes)
    return _TOP + _RATE_HEIGHT + _WARMUP_GAP + bars + _SECTION_GAP + tracks + (36 if frame.off else 8)


def _lane_height(lane: TrackLane | ClipLane) -> float:
    if isinstance(lane, ClipLane):
        return CLIP_HEIGHT
    return _STRIP_HEIGHT if lane.constant else _TRACK_HEIGHT


def _axis(frame: TimelineFrame) -> EpochAxis:
    return EpochAxis(frame.epochs, _LEFT, _RIGHT, _RULER)


def _x(frame: TimelineFrame, epoch: float) -> float:
    return _axis(frame).x(epoch)


def _rate(canvas: Canvas, frame: TimelineFrame, top: float) -> float:
    lane, bottom = frame.rate, top + _RATE_HEIGHT
    peak = lane.peak[1]
    line = [(_x(frame, epoch), bottom - _RATE_HEIGHT * value / peak) for epoch, value in lane.points]
    canvas.shape([(_LEFT, bottom), *line, (_RIGHT, bottom)], fading(ACCENT))
    canvas.path(line, ACCENT, 1.4)
    canvas.path([(_LEFT, bottom), (_RIGHT, bottom)], HAIR)
    canvas.text(MARGIN, bottom - 6, "learning rate")
    _rate_labels(canvas, frame, bottom)
    _warmup(canvas, frame, bottom)
    for piece in lane.scales:
        if piece.text != "1":
            level = _RATE_HEIGHT * _level(lane.points, piece) / peak
            _label(canvas, frame, piece, bottom, level, f"\N{MULTIPLICATION SIGN} {piece.text}")
    return bottom


def _rate_labels(canvas: Canvas, frame: TimelineFrame, bottom: float) -> None:
    """The greatest rate at its place, and the last at the end of the lane."""
    (epoch, peak), last, top = frame.rate.peak, frame.rate.last, bottom - _RATE_HEIGHT
    x = _x(frame, epoch)
    canvas.diamond(x, top, 3, ACCENT)
    if x > _RIGHT - 60:
        canvas.text(x - 5, top - 8, rate(peak), ACCENT, side="right", weight="bold")
        return
    canvas.text(x + 5, top - 8, rate(peak), ACCENT, weight="bold")
    canvas.text(_RIGHT, bottom - _RATE_HEIGHT * last / peak - 9, rate(last), MUTED, _SMALL, "right")


def _warmup(canvas: Canvas, frame: TimelineFrame, bottom: float) -> None:
    """A bracket below the rise, named where there is room for it."""
    end = _x(frame, frame.rate.warmup)
    if end - _LEFT < 3:
        return
    canvas.path([(_LEFT, bottom + 4), (_LEFT, bottom + 7), (end, bottom + 7), (end, bottom + 4)], MUTED, 0.8)
    canvas.text(_LEFT, bottom + 19, "warm-up", MUTED, _SMALL)


def _bars(canvas: Canvas, frame: TimelineFrame, top: float) -> float:
    for bar in frame.bars:
        canvas.text(MARGIN, top + 15, bar.name)
        canvas.text(_LEFT - 8, top + 15, short(bar.parameters), MUTED, _SMALL, "right")
        for piece in bar.pieces:
            _learning_piece(canvas, frame, piece, top)
        top += _BAR_HEIGHT + _BAR_GAP
    return top - _BAR_GAP


def _learning_piece(canvas: Canvas, frame: TimelineFrame, piece: LearningPiece, top: float) -> None:
    x, gap = _x(frame, piece.start), float(piece.end < frame.epochs)
    width = _x(frame, piece.end) - x - gap
    if piece.share:
        canvas.box(x, top, width, _BAR_HEIGHT, UMBER, 0.15 + 0.5 * piece.share)
    else:
        canvas.hatched(x, top, width, _BAR_HEIGHT, UMBER)
    if text_width(piece.text, _SMALL) + 2 * _PAD < width:
        canvas.text(x + _PAD, top + 15, piece.text, INK if piece.share else MUTED, _SMALL)


def _lane(canvas: Canvas, frame: TimelineFrame, lane: TrackLane | ClipLane, top: float) -> float:
    if isinstance(lane, TrackLane):
        return _track(canvas, frame, lane, top)
    canvas.text(MARGIN, top + 15, lane.name)
    draw_clips(canvas, _axis(frame), lane.clips, top, TONES.get(lane.track, MAUVE))
    return top + CLIP_HEIGHT


def _track(canvas: Canvas, frame: TimelineFrame, lane: TrackLane, top: float) -> float:
    height = _lane_height(lane)
    bottom, tone = top + height, TONES.get(lane.track, MAUVE)
    canvas.text(MARGIN, bottom - 6, lane.name)
    canvas.path([(_LEFT, bottom), (_RIGHT, bottom)], HAIR)
    points = [point for piece in lane.pieces for point in piece.points]
    line = [(_x(frame, epoch), bottom - height * value / lane.top) for epoch, value in points]
    area = [(_LEFT, bottom), *line, (_RIGHT, bottom)]
    canvas.shape(area, *((tone, 0.3) if lane.constant else (fading(tone), 1)))
    if not lane.constant:
        canvas.path(line, tone, 1.2)
    for piece in lane.pieces:
        _label(canvas, frame, piece, bottom, height * _level(points, piece) / lane.top, piece.text)
    return bottom


def _level(points: Sequence[tuple[float, float]], piece: Piece) -> float:
    """Value of a line where the label of a piece stands: where it begins, or where its rise ends."""
    first, last = (next(v for epoch, v in reversed(points) if epoch <= at) for at in (piece.start, piece.end))
    return last if piece.rises else first


def _label(canvas: Canvas, frame: TimelineFrame, piece: Piece, bottom: float, level: float, text: str) -> None:
    """Write a piece's value at its higher end, where there is room: below its line, or on it where that is too low."""
    x, end = _x(frame, piece.start), _x(frame, piece.end)
    if text_width(text, _SMALL) + _PAD < end - x:
        y = bottom - 6 - (level if 0 < level < _LOW else 0)
        colour = MUTED if text == "off" else INK
        canvas.text(
            end - _PAD if piece.rises else x + _PAD, y, text, colour, _SMALL, "right" if piece.rises else "left"
        )
