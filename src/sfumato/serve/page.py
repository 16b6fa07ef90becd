"""The page at `/`: files of this package, without a build step and without anything from elsewhere."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from fastapi import FastAPI
from starlette.responses import Response

FOLDER = Path(__file__).parent / "browser"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FILES = {
    "/": FOLDER / "page.html",
    **{f"/page/{path.name}": path for path in sorted(FOLDER.iterdir()) if path.name != "page.html"},
}
"""Path of a request -> file."""


def add_page(app: FastAPI) -> None:
    """Give an application the routes of the page; its files are read once."""
    for route, path in FILES.items():
        giving = _giving(path.read_bytes(), TYPES[path.suffix])
        app.add_api_route(route, giving, methods=["GET"], include_in_schema=False)


def _giving(content: bytes, kind: str) -> Callable[[], Awaitable[Response]]:
    async def give() -> Response:
        return Response(content, media_type=kind)

    return give
