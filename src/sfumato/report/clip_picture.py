"""Clips drawn: a strip for each choice, its name on it or, where it is too short for that, beside it."""

from collections.abc import Sequence
from itertools import pairwise

from sfumato.report.canvas import Canvas, text_width
from sfumato.report.clips import Clip
from sfumato.report.epoch_axis import EpochAxis
from sfumato.report.palette import HAIR, INK

CLIP_HEIGHT = 22
_SMALL = 10
_PAD = 7
_END = 4
"""Pixels left free after a name."""
_BASELINE = 15
_EDGE = 2
"""Pixels of the strong edge a clip begins with."""


def draw_clips(canvas: Canvas, axis: EpochAxis, clips: Sequence[Clip], top: float, tone: str) -> None:
    """A lane of clips; nothing but a thin line where none is."""
    middle = top + CLIP_HEIGHT / 2
    places = [place for place in _places(axis, clips) if place]
    for clip in clips:
        x, end = axis.x(clip.start), axis.x(clip.end)
        if not clip.off:
            _strip(canvas, x, end - (clip.end < axis.epochs), axis.x(clip.start + clip.fade), top, tone)
            continue
        for left, text in places:  # a name that stands on the line, since its clip is too short
            if x <= left < end:
                canvas.path([(x, middle), (left - _PAD, middle)], HAIR)
                x = left + text_width(text, _SMALL)
        canvas.path([(x, middle), (end, middle)], HAIR)
    for left, text in places:
        canvas.text(left, top + _BASELINE, text, INK, _SMALL)


def _strip(canvas: Canvas, x: float, end: float, faded_in: float, top: float, tone: str) -> None:
    """One clip: a strong edge, and a slope over what it takes to set in."""
    bottom = top + CLIP_HEIGHT
    canvas.box(x, top, end - x, CLIP_HEIGHT, tone, 0.2)
    canvas.shape([(x, bottom), (min(faded_in, end), top), (end, top), (end, bottom)], tone, 0.3)
    canvas.box(x, top, min(_EDGE, end - x), CLIP_HEIGHT, tone)


def _places(axis: EpochAxis, clips: Sequence[Clip]) -> list[tuple[float, str] | None]:
    """Where each clip's name begins and how long it may be: on it; else on the empty stretch after or before it."""
    places: list[tuple[float, str] | None] = []
    around = [None, *clips, None]
    for (before, clip), (_, after) in zip(pairwise(around[:-1]), pairwise(around[1:]), strict=True):
        assert clip is not None
        on = _fitting(clip, axis.x(clip.end) - axis.x(clip.start))
        if clip.off or on:
            places.append(None if clip.off else (axis.x(clip.start) + _PAD, str(on)))
        elif after and after.off and (text := _fitting(clip, axis.x(after.end) - axis.x(after.start))):
            places.append((axis.x(after.start) + _PAD, text))
        elif before and before.off and (text := _fitting(clip, axis.x(before.end) - axis.x(before.start))):
            places.append((axis.x(clip.start) - _PAD - text_width(text, _SMALL), text))
        else:
            places.append(None)
    return places


def _fitting(clip: Clip, width: float) -> str | None:
    return next((text for text in clip.texts if _PAD + text_width(text, _SMALL) + _END < width), None)
