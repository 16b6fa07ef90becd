"""What of weights can be had, without asking any real hub."""

import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from sfumato.models import pretrained_at_hand
from sfumato.models.pretrained_at_hand import hub_answers, is_kept


class Refuses(BaseHTTPRequestHandler):
    def do_HEAD(self):  # the name that http.server calls
        self.send_error(403)

    def log_message(self, *_):
        pass


@pytest.fixture
def hub() -> Generator[str]:
    server = HTTPServer(("127.0.0.1", 0), Refuses)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_any_answer_is_one(hub, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", hub)
    assert hub_answers()
    monkeypatch.setattr(pretrained_at_hand.constants, "HF_HUB_OFFLINE", True)
    assert not hub_answers()


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "no address"])
def test_no_answer_is_none(monkeypatch, endpoint):
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    assert not hub_answers()


def test_weights_fetched_before_are_kept(monkeypatch):
    asked = []

    def look(repository, name):
        asked.append(repository)
        return "/cache/model.safetensors" if name == "model.safetensors" else None

    monkeypatch.setattr(pretrained_at_hand, "try_to_load_from_cache", look)
    assert is_kept("convnext_tiny")
    assert asked[0].startswith("timm/convnext_tiny")
    monkeypatch.setattr(pretrained_at_hand, "try_to_load_from_cache", lambda *_: None)
    assert not is_kept("convnext_tiny")
