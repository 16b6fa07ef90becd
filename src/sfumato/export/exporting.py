"""The story of an export: a copy of the bundle with graphs beside the weights, checked before it is there."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.bundle.folder import ENSEMBLE, GRAPH, Bundle, bundle_manifest, open_bundle, read_parts
from sfumato.bundle.samples import read_samples
from sfumato.console import Console
from sfumato.data.images import Pixels
from sfumato.data.preprocess import Preprocess
from sfumato.data.views import PLAIN, View, views_from_dict
from sfumato.errors import InputError, RunError
from sfumato.export.agreement import Agreement, agreement
from sfumato.export.eight_bits import round_graph
from sfumato.export.graph import write_graph
from sfumato.free_folder import holds_something, make_folder
from sfumato.json_file import read_json, write_json
from sfumato.predict.building import build_networks
from sfumato.predict.inputs import Input, decoded
from sfumato.predict.predictor import Predictor, load
from sfumato.sealed import MANIFEST, seal

FEWEST = 16
"""Pictures that rounding to 8 bits asks for: half of them give the ranges, the other half is compared."""
MOST_RANGES = 256
"""Pictures that give the ranges at most: more change them little."""
NOT_YET = 1e9
"""What rounding is noted to change until that is measured: any change passes."""
LEAST_SAME = {"fp32": 0.995, "int8": 0.98}
"""Share of the compared pictures that must be decided alike: doubtful ones may fall either way."""


@dataclass(frozen=True)
class Exported:
    """A bundle that holds graphs."""

    folder: Path
    golden: Agreement
    """On the bundle's own golden samples."""
    own: Agreement | None
    """On pictures that were given, without those that gave the ranges of 8-bit numbers; None = none were."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        own = None if self.own is None else self.own.to_dict()
        return {"folder": str(self.folder), "golden": self.golden.to_dict(), "own": own}


def export(
    bundle: str | Path,
    out: str | Path | None = None,
    *,
    int8: bool = False,
    images: Sequence[Input] = (),
    least_same: float | None = None,
    quiet: bool = False,
) -> Exported:
    """Write a copy of a bundle with an ONNX graph of every network beside its weights.

    Args:
        bundle: A bundle, an ensemble of such, or the folder of a run.
        out: A new or empty folder; None = `bundle-onnx` (`bundle-int8`) beside the bundle.
        int8: Whether the graphs are rounded to numbers of 8 bits.
        images: Pictures like those that will be asked about, on which both are compared; needed for `int8`.
        least_same: Share of them that must be decided alike; None = that of LEAST_SAME.
        quiet: Shows no progress.

    Raises:
        InputError: No bundle, one that reads texts or looks at several sizes, too few pictures, a folder that is taken.
        RunError: The graphs decide otherwise than the weights do; nothing is left behind.
    """
    if int8 and len(images) < FEWEST:
        what = f"--int8 needs {FEWEST} pictures or more, {len(images)} given"
        raise InputError(what, mend="add --images FOLDER, of pictures like those that will be asked about")
    source, _ = open_bundle(Path(bundle))
    target = Path(out) if out is not None else source.with_name(f"{source.name}-{'int8' if int8 else 'onnx'}")
    if holds_something(target):
        raise InputError("holds something already", where=str(target), expected="a new or empty folder for --out")
    for place in _plain(source):  # told before anything is copied
        _side(place, read_parts(place, bundle_manifest(place)))
    make_folder(target.parent)
    weights = load(source, device="cpu", engine="torch")
    ranges, compared = (images[::2][:MOST_RANGES], images[1::2]) if int8 else ((), images)
    with TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as name:
        made = Path(name) / "bundle"
        shutil.copytree(source, made)
        _add_graphs(made, ranges, Console(quiet=quiet))
        least = LEAST_SAME["int8" if int8 else "fp32"] if least_same is None else least_same
        done = _checked(made, weights, compared, least, rounded=int8)
        if target.exists():
            target.rmdir()  # it is empty
        made.rename(target)
    target.chmod(0o755)
    return Exported(target, *done)


def _add_graphs(folder: Path, ranges: Sequence[Input], console: Console) -> None:
    places = list(_plain(folder))
    for place in console.progress(iter(places), len(places), "writing graphs"):
        _write(place, read_parts(place, bundle_manifest(place)), ranges)
    _seal(folder)


def _write(place: Path, bundle: Bundle, ranges: Sequence[Input]) -> None:
    preprocess, views = _looks(place, bundle)
    side = _side(place, bundle)
    for index, network in enumerate(build_networks(bundle, preprocess, str(place))):
        path = place / f"network-{index}.onnx"
        write_graph(network, side, path)
        if ranges:
            round_graph(path, _shown(ranges, views[0], preprocess, side))
    _note(place, "int8" if ranges else "fp32", NOT_YET if ranges else 0.0)


def _looks(place: Path, bundle: Bundle) -> tuple[Preprocess, tuple[View, ...]]:
    """How a bundle's networks are shown a picture."""
    views = (PLAIN,) if bundle.views is None else views_from_dict(bundle.views, f"{place}/views.json")
    return Preprocess.from_dict(bundle.transform, f"{place}/transform.json"), tuple(views)


def _side(place: Path, bundle: Bundle) -> int:
    """Pixels a side of its graphs; what can have none is refused."""
    if bundle.text is not None:
        what = "it reads texts, of samples or of classes, and a graph is shown pictures alone"
        raise InputError(what, where=str(place), expected="a bundle of pictures")
    preprocess, views = _looks(place, bundle)
    sides = sorted({view.side(preprocess) for view in views})
    if len(sides) > 1:
        what = f"it looks at pictures at {len(sides)} sizes, {', '.join(map(str, sides))} px"
        raise InputError(what, where=str(place), expected="one size, as a graph has; views without sizes")
    return sides[0]


def _shown(inputs: Sequence[Input], view: View, preprocess: Preprocess, side: int) -> NDArray[np.uint8]:
    """(N, 3, S, S) as the network is shown them; what can't be read is left out."""
    pictures: list[Pixels] = [picture for one in inputs for picture in decoded(one).pictures]
    if not pictures:
        raise InputError("none of the pictures can be read", setting="--images")
    return np.stack([view.of(picture, preprocess, side).numpy() for picture in pictures])


def _note(place: Path, precision: str, rounding: float) -> None:
    write_json(place / GRAPH, {"precision": precision, "rounding": rounding})


def _checked(
    made: Path, weights: Predictor, compared: Sequence[Input], least_same: float, *, rounded: bool
) -> tuple[Agreement, Agreement | None]:
    """How far the graphs are from the weights; what rounding changed is noted beside them."""
    try:
        graphs = load(made, device="cpu", engine="onnx")
    except InputError as error:
        raise RunError(f"the graphs compute something else than the weights, and are not kept: {error}") from None
    golden = agreement(weights, graphs, [sample.pixels for sample in read_samples(made / "samples")])
    own = agreement(weights, graphs, compared) if compared else None
    if own is not None and not own.pictures:
        raise InputError(f"none of the {len(compared)} pictures can be read", setting="--images")
    if own is not None and own.same < least_same:
        raise RunError(
            f"{own.same:.1%} of {own.pictures} pictures are decided alike, asked for {least_same:.1%}; the graphs are"
            " not kept"
        )
    if rounded:
        for place in _plain(made):
            _note(place, "int8", golden.farthest)
        _seal(made)
    return golden, own


def _plain(folder: Path) -> Iterator[Path]:
    """The bundles of networks that a bundle is, or is made of."""
    if bundle_manifest(folder)["format"] != ENSEMBLE:
        yield folder
        return
    for member in _members(folder):
        yield from _plain(member)


def _members(folder: Path) -> list[Path]:
    return sorted(path.parent for path in folder.glob(f"members/*/{MANIFEST}"))


def _seal(folder: Path) -> None:
    """Give a bundle its manifest anew, its members' first."""
    for member in _members(folder):
        _seal(member)
    about = read_json(folder / MANIFEST)
    seal(folder, {name: value for name, value in about.items() if name != "files"})
