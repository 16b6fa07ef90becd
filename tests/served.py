"""A service in a thread of the tests, at a free port of 127.0.0.1."""

import asyncio
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from sfumato.predict.loading import AnyPredictor, load
from sfumato.serve.guard import Door, accepted_hosts
from sfumato.serve.server import Server, address_of, bound
from sfumato.serve.service import Service
from sfumato.serve.settings import read_settings

BUNDLE = Path(__file__).parent / "golden" / "bundle-format-1"
SAMPLES = sorted((BUNDLE / "samples").glob("*.png"))


@dataclass
class Served:
    """A service that runs."""

    address: str
    service: Service
    server: Server
    thread: threading.Thread

    def client(self, **options) -> httpx.Client:
        return httpx.Client(base_url=self.address, timeout=60, trust_env=False, **options)

    def leave(self) -> None:
        """As a signal would have it."""
        self.server.leave()


@contextmanager
def served(
    predictor: AnyPredictor | Path = BUNDLE, key: str | None = None, name="small", **settings
) -> Generator[Served]:
    """Begin a service, and end it as a signal would."""
    model = load(predictor, device="cpu") if isinstance(predictor, Path) else predictor
    chosen, listener = read_settings(settings), bound("127.0.0.1", 0)
    service = Service(model, name, chosen, Door(accepted_hosts("127.0.0.1", chosen.hosts), key))
    server, address = Server(service, chosen.seconds), address_of(listener)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
    thread.start()
    while not server.started:
        assert thread.is_alive()
        thread.join(0.01)
    try:
        yield Served(address, service, server, thread)
    finally:
        server.leave()
        thread.join(30)
        assert not thread.is_alive()


def files(*paths: Path | bytes | tuple[str, bytes]) -> list:
    """The field of a form for some pictures."""
    named = [
        one if isinstance(one, tuple) else (one.name, one.read_bytes()) if isinstance(one, Path) else ("x", one)
        for one in paths
    ]
    return [("files", pair) for pair in named]
