"""Verbs that make a bundle quicker, and say how quick it is."""

from pathlib import Path
from typing import Annotated

import typer

from sfumato.cli.app import app
from sfumato.cli.options import Json, Quiet
from sfumato.cli.printing import print_json

Images = Annotated[
    list[str] | None,
    typer.Option("--images", metavar="INPUT", help="Images, or folders of them; may be repeated."),
]


@app.command(
    epilog="Example: `sfumato export runs/x --to onnx`, `sfumato export runs/x --to onnx --int8 --images photos`"
)
def export(
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="A bundle, or the folder of a run.")],
    to: Annotated[str, typer.Option("--to", metavar="FORM", help="`onnx`.")] = "onnx",
    int8: Annotated[
        bool, typer.Option("--int8", help="Round to numbers of 8 bits; --images gives their ranges.")
    ] = False,
    images: Images = None,
    least_same: Annotated[
        float | None,
        typer.Option("--least-same", metavar="S", help="Share that must be decided alike; none = 0.995, rounded 0.98."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="A new folder; none = bundle-onnx beside the bundle.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Copy a bundle with ONNX graphs beside its weights, checked against them before it is there."""
    from sfumato.errors import InputError, nearest_name
    from sfumato.export.exporting import export as make
    from sfumato.outputs import expand

    if to != "onnx":
        raise InputError(f"no form {to!r}", setting="--to", expected="onnx", nearest=nearest_name(to, ["onnx"]))
    given = [one.what for one in expand(images or ())]
    done = make(bundle, out, int8=int8, images=given, least_same=least_same, quiet=quiet)
    if as_json:
        print_json(done.to_dict())
        return
    for what, found in (("golden samples", done.golden), ("pictures given", done.own)):
        if found is not None:
            typer.echo(
                f"{what}  {found.pictures} compared, {found.same:.1%} decided alike, logits at most"
                f" {found.farthest:.1e} apart"
            )
    typer.echo(f"bundle  {done.folder}")


@app.command(epilog="Example: `sfumato bench runs/x-onnx --images photos`")
def bench(
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="A bundle, or the folder of a run.")],
    images: Images = None,
    device: Annotated[
        str | None, typer.Option("--device", metavar="D", help="Where torch computes; none = the best there is.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure how many pictures a second each engine decides on, and where the time goes."""
    from sfumato.export.bench import bench as measure
    from sfumato.outputs import expand

    done = measure(bundle, [one.what for one in expand(images or ())], device, quiet=quiet)
    if as_json:
        print_json(done.to_dict())
        return
    what = "pictures given" if done.given else "golden samples, repeated: no files are decoded"
    typer.echo(f"{done.pictures} {what}; medians, milliseconds a picture\n")
    typer.echo(f"{'engine':8}{'images/s':>10}{'decode':>10}{'look':>10}{'alone':>10}")
    for one in done.speeds:
        times = "".join(f"{1000 * value:10.1f}" for value in (one.decode_seconds, one.look_seconds, one.alone_seconds))
        typer.echo(f"{one.engine:8}{one.images_per_second:10.1f}{times}")
    typer.echo("\nlook is transform and networks; alone is one picture that is asked for by itself")
