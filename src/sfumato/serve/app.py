"""The routes of a service."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp

from sfumato.json_file import to_json
from sfumato.serve.guard import Guard
from sfumato.serve.page import add_page
from sfumato.serve.refusal import Refusal
from sfumato.serve.schema import request_body, responses
from sfumato.serve.service import Service
from sfumato.serve.where_schema import where_body, where_responses
from sfumato.version import VERSION


def make_app(service: Service) -> ASGIApp:
    """The application of a service; it closes the service when it ends."""

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncGenerator[None]:
        yield
        await run_in_threadpool(service.close)

    title = f"sfumato: {service.metadata['name']}"
    app = FastAPI(title=title, version=VERSION, docs_url=None, redoc_url=None, lifespan=life)  # docs would load a CDN
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(HTTPException, _no_route)
    app.add_exception_handler(Exception, _failed)
    _add_routes(app, service)
    add_page(app)
    routes = {cast(str, getattr(route, "path", "")) for route in app.routes}

    def answered(path: str, status: int, seconds: float) -> None:
        service.meters.answered(path if path in routes else "other", status, seconds)

    return Guard(app, service.door, answered)


def _add_routes(app: FastAPI, service: Service) -> None:
    async def predict(request: Request) -> Response:
        """Decide on pictures, each by itself. Nothing that a client names is ever fetched or opened."""
        found = await service.answer(request)
        return _json(found.document, found.status)

    async def explain(request: Request) -> Response:
        """Where in one picture is what speaks for a class: a map, and the picture with the map laid over it."""
        found = await service.explain(request)
        return _json(found.document, found.status)

    async def health() -> Response:
        """Whether the process works."""
        return _json({"status": "ok" if service.alive else "failing"}, 200 if service.alive else 503)

    async def ready() -> Response:
        """Whether it takes requests now."""
        return _json({"status": "ready" if service.ready else "not ready"}, 200 if service.ready else 503)

    async def metadata() -> Response:
        """What the bundle is asked, its classes with their thresholds, and the limits of a request."""
        return _json(service.metadata)

    async def metrics() -> Response:
        """Counts and times, for Prometheus."""
        return Response(service.meters.text(), media_type="text/plain; version=1.0.0; charset=utf-8")

    asked: dict[str, Any] = {"requestBody": request_body(service.form)}
    app.add_api_route("/predict", predict, methods=["POST"], openapi_extra=asked, responses=responses(service.form))
    asked = {"requestBody": where_body(service.form)}
    app.add_api_route("/explain", explain, methods=["POST"], openapi_extra=asked, responses=where_responses())
    routes: dict[str, Callable[[], Awaitable[Response]]] = {"/health": health, "/ready": ready, "/metadata": metadata}
    for path, route in {**routes, "/metrics": metrics}.items():
        app.add_api_route(path, route, methods=["GET"])


def _json(document: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(to_json(document, indent=None), status, headers, "application/json")


async def _refused(_: Request, error: Exception) -> Response:
    refusal = cast(Refusal, error)
    return _json(refusal.to_dict(), refusal.status, refusal.headers)


async def _no_route(_: Request, error: Exception) -> Response:
    """No such path, or not by this method."""
    found = cast(HTTPException, error)
    code = {404: "no_such_path", 405: "wrong_method"}.get(found.status_code, "refused")
    refusal = Refusal(found.status_code, code, str(found.detail))
    return _json(refusal.to_dict(), refusal.status, dict(found.headers or {}))


async def _failed(_: Request, __: Exception) -> Response:
    return _json(Refusal(500, "failed", "a failure of the service").to_dict(), 500)
