"""The page at `/`: three files of this package, without a build step and without anything from elsewhere."""

from pathlib import Path

from fastapi import FastAPI
from starlette.responses import Response

FILES = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
}
"""Path -> file, and its type."""


def add_page(app: FastAPI) -> None:
    """Give an application the routes of the page; its files are read once."""
    for path, (name, kind) in FILES.items():
        content = (Path(__file__).parent / name).read_bytes()
        app.add_api_route(path, _giving(content, kind), methods=["GET"], include_in_schema=False)


def _giving(content: bytes, kind: str):
    async def give() -> Response:
        return Response(content, media_type=kind)

    return give
