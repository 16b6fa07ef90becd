"""The verb that serves a bundle."""

from pathlib import Path
from typing import Annotated

import typer

from sfumato.cli.app import app
from sfumato.cli.options import Json, overrides
from sfumato.cli.printing import print_json


@app.command(epilog="Example: `sfumato serve runs/x`, `sfumato serve runs/x --port 8080 --set workers=4`")
def serve(
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="A bundle, or the folder of a run.")],
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65535, help="0 = a free one.")] = 8000,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="0.0.0.0 = every address of this machine.")
    ] = "127.0.0.1",
    key_file: Annotated[
        Path | None,
        typer.Option("--key-file", metavar="FILE", help="A key clients must show; none = SFUMATO_API_KEY, if set."),
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="A=B", help="Change one setting of the service.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Serve a bundle over HTTP: decisions as JSON, a page to drop pictures on, metrics."""
    from sfumato.serve.extra import require_extra

    require_extra()
    from sfumato.serve.serving import serve as run

    def begun(address: str) -> None:
        if as_json:
            print_json({"bundle": bundle, "address": address})
        else:
            typer.echo(f"{bundle} at {address}")

    run(bundle, host, port, overrides(set_), key_file, begun)
