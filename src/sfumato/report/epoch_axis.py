"""The epochs along the top of a timeline, its keyframes, and the cuts they make through all that is below."""

from dataclasses import dataclass

from sfumato.report.canvas import Canvas
from sfumato.report.palette import HAIR, INK, MUTED
from sfumato.report.wording import moment

_SMALL = 10
_NEAR = 16
"""Pixels that two numbers on the ruler stand apart at least."""


@dataclass(frozen=True)
class EpochAxis:
    """Where epochs lie on a canvas."""

    epochs: int
    left: float
    """Pixel of the start of training."""
    right: float
    """Pixel of its end."""
    top: float
    """Pixel of the ruler."""

    def x(self, epoch: float) -> float:
        """Pixel of a moment."""
        return self.left + (self.right - self.left) * epoch / self.epochs

    def draw(self, canvas: Canvas, keyframes: tuple[float, ...], label_at: float) -> None:
        """The ruler; a keyframe's own epoch comes before the round numbers near it."""
        canvas.path([(self.left, self.top), (self.right, self.top)], HAIR)
        canvas.text(label_at, self.top - 8, "epoch", MUTED, _SMALL)
        taken: list[float] = []
        for epoch in keyframes:
            canvas.diamond(self.x(epoch), self.top, 4, INK)
            self._number(canvas, epoch, INK, taken)
        for epoch in _round_epochs(self.epochs):
            canvas.path([(self.x(epoch), self.top), (self.x(epoch), self.top + 4)], HAIR)
            self._number(canvas, epoch, MUTED, taken)

    def cut(self, canvas: Canvas, keyframes: tuple[float, ...], bottom: float) -> None:
        """A thin line down from each keyframe, which leaves out words that stand in its way."""
        for epoch in keyframes:
            x = self.x(epoch)
            for start, end in canvas.free_of_words(x, self.top, bottom):
                canvas.path([(x, start), (x, end)], INK, 0.7, 0.25)

    def _number(self, canvas: Canvas, epoch: float, colour: str, taken: list[float]) -> None:
        x = self.x(epoch)
        if all(abs(x - other) > _NEAR for other in taken):
            canvas.text(x, self.top - 8, moment(epoch), colour, _SMALL, "center")
            taken.append(x)


def _round_epochs(epochs: int) -> list[int]:
    """At most about a dozen round epochs, the end among them."""
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 10**6) if epochs / step <= 12)
    return [epochs, *range(0, epochs, step)]
