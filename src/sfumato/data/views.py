"""Views: the same picture looked at in more than one way, so that what is said of it can be averaged.

Every view but the plain one changes one thing: it is flipped, nearer or farther, a crop, or of another size.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from pydantic import Field
from torch import Tensor
from torchvision.transforms.v2 import functional as F  # noqa: N812

from sfumato.data.flips import Flip, flipped
from sfumato.data.images import Pixels
from sfumato.data.preprocess import PAD_GREY, Preprocess, square, to_tensor
from sfumato.errors import InputError
from sfumato.spec import Spec
from sfumato.stored import read_stored, stored

Corner = Literal["top_left", "top_right", "bottom_left", "bottom_right", "middle"]
CORNERS: tuple[Corner, ...] = ("top_left", "top_right", "bottom_left", "bottom_right", "middle")
CROPPED_FROM = 8 / 7
"""Side of the square that five crops are cut from, in sides of the crop: 256 for 224 (Krizhevsky et al. 2012)."""
Scale = Annotated[float, Field(ge=0.5, le=2)]
Side = Annotated[int, Field(ge=8, le=4096)]


class ViewsSpec(Spec):
    """In which ways a picture is looked at beside the plain one; the probabilities of all of them are averaged."""

    flips: tuple[Flip, ...] = ()
    """A view for each mirroring that leaves the class as it is."""
    scales: tuple[Scale, ...] = ()
    """A view for each: above 1 nearer, its edges cut off; below 1 farther, with grey around it; 0.5 to 2."""
    crops: Literal["five"] | None = None
    """`five`: the four corners and the middle of a square 8/7 as large; none = no crops."""
    sizes: tuple[Side, ...] = ()
    """A view for each side in pixels, for networks that take other sizes than that of validation."""
    flip_all: bool = False
    """Whether every other view is flipped too, not the plain one alone; with five crops and a flip, ten-crop."""
    use: Literal["if_better", "always"] = "if_better"
    """`if_better` takes those that validation shows to pay, each kind tried alone and all together; `always`: all."""


@stored
@dataclass(frozen=True)
class View:
    """One way of looking. Stored in the bundle's views.json."""

    flip: Flip | None = None
    """Applied last; none = as it is."""
    scale: Scale = 1.0
    """How much larger the picture is made before it is cut or padded to the network's size."""
    crop: Corner | None = None
    """Which part of a square CROPPED_FROM as large; none = all of it."""
    size: Side | None = None
    """Side in pixels; none = that of the preprocessing."""

    @property
    def name(self) -> str:
        """What it is called in tables: `plain`, `horizontal`, `x0.9`, `top_left`, `256px`, `x0.9 horizontal`."""
        scale = f"x{self.scale:g}" if self.scale != 1 else None
        size = f"{self.size}px" if self.size is not None else None
        return " ".join(part for part in (scale, self.crop, size, self.flip) if part) or "plain"

    @property
    def share(self) -> float:
        """Share of the plain view's area that it shows."""
        return (1 / CROPPED_FROM if self.crop else min(1.0, 1 / self.scale)) ** 2

    def side(self, to: Preprocess) -> int:
        """Side of what it gives, pixels."""
        return self.size or to.size

    def of(self, pixels: Pixels, to: Preprocess, size: int) -> Tensor:
        """(H, W, 3) uint8 array -> (3, size, size) uint8 tensor; of the plain view what `to` gives at that size."""
        large = self._large(size)
        image = square(to_tensor(pixels), large, to.fit, to.interpolation)
        image = image if large == size else _cut(image, size, self.crop or "middle")
        return flipped(image, self.flip) if self.flip else image

    def is_idle(self, to: Preprocess) -> bool:
        """Whether it shows at this preprocessing's size what the plain view shows."""
        side = self.side(to)
        return self.flip is None and self._large(side) == side == to.size

    def _large(self, size: int) -> int:
        """Side that the picture has before it is cut or padded to `size`."""
        return max(1, round(size * (CROPPED_FROM if self.crop else self.scale)))


PLAIN = View()


def expand(spec: ViewsSpec | None) -> tuple[View, ...]:
    """The plain view, then flips, scales, crops and sizes in the order of the recipe, each beside the plain one.

    With `flip_all` each of the others follows once more, flipped, for each flip.
    """
    if spec is None:
        return (PLAIN,)
    flips = [View(flip=flip) for flip in spec.flips]
    others = [
        *(View(scale=scale) for scale in spec.scales),
        *(View(crop=corner) for corner in (CORNERS if spec.crops else ())),
        *(View(size=size) for size in spec.sizes),
    ]
    both = [View(flip, one.scale, one.crop, one.size) for flip in spec.flips for one in others if spec.flip_all]
    return (PLAIN, *flips, *others, *both)


def kinds(views: Sequence[View]) -> dict[str, tuple[int, ...]]:
    """What is tried: name of a kind -> places of its views and of the plain one; `all` last, if there are several."""
    fields = {"flips": "flip", "scales": "scale", "crops": "crop", "sizes": "size"}
    found: dict[str, tuple[int, ...]] = {}
    for kind, field in fields.items():
        places = [i for i, view in enumerate(views) if _changes(view) == {field}]
        found |= {kind: (0, *places)} if places else {}
    return {**found, "all": tuple(range(len(views)))} if len(found) > 1 else found


def refuse_idle_views(views: Sequence[View], to: Preprocess) -> None:
    """Refuse a view that shows what the plain one shows, at the size that validation ends with.

    Raises:
        InputError: With the setting it came from.
    """
    for view in views[1:]:
        if view.is_idle(to):
            setting = "sizes" if view.size else "crops" if view.crop else "scales"
            what = f"has no effect: {view.name} at {to.size} px is the plain view"
            raise InputError(what, setting=f"views.{setting}", mend="leave it out")


def views_to_dict(views: Sequence[View]) -> dict[str, Any]:
    """JSON-ready form, which `views_from_dict` reads back."""
    return {"views": [asdict(view) for view in views]}


def views_from_dict(document: dict[str, Any], where: str) -> tuple[View, ...]:
    """Read a views.json; `where` names it in errors.

    Raises:
        InputError: It is none.
    """
    views = read_stored(_Stored, document, "views", where).views
    if not views or views[0] != PLAIN or len(set(views)) < len(views):
        raise InputError("not views: the plain one first, each once", where=where)
    return views


@stored
@dataclass(frozen=True)
class _Stored:
    """What views.json holds."""

    views: tuple[View, ...]


def _changes(view: View) -> set[str]:
    """Names of what it changes."""
    return {name for name, value in asdict(view).items() if value != getattr(PLAIN, name)}


def _cut(image: Tensor, size: int, corner: Corner) -> Tensor:
    """(3, L, L) -> (3, size, size): a part of it, or where it is smaller all of it in the middle of grey."""
    beyond = image.shape[-1] - size
    if beyond < 0:
        before = -beyond // 2
        return F.pad(image, [before, before, -beyond - before, -beyond - before], fill=[PAD_GREY])
    middle = beyond // 2
    top, left = (
        (middle, middle)
        if corner == "middle"
        else (beyond * corner.startswith("bottom"), beyond * corner.endswith("right"))
    )
    return image[..., top : top + size, left : left + size]
