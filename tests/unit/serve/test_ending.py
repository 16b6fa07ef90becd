"""A service that ends answers what it has, tells others that it ends, and loses none."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx
import pytest
from tests.served import BUNDLE, SAMPLES, files, served

import sfumato

ONE = SAMPLES[0].read_bytes()


@dataclass
class Tally:
    """What became of requests that were sent."""

    statuses: list[int] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    refused: int = 0
    """Connections that never came about: nothing was sent."""


def ask_until_it_is_gone(address: str, tally: Tally) -> None:
    with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
        while True:
            try:
                tally.statuses.append(client.post("/predict", files=files(ONE, ONE)).status_code)
            except httpx.ConnectError:
                tally.refused += 1
                return
            except httpx.TransportError as error:
                tally.lost.append(repr(error))
                return


def test_none_is_lost_at_the_end_under_load():
    tallies = [Tally() for _ in range(12)]
    with served(BUNDLE, workers=2, wait_ms=1) as service:
        threads = [threading.Thread(target=ask_until_it_is_gone, args=(service.address, one)) for one in tallies]
        for one in threads:
            one.start()
        while sum(len(one.statuses) for one in tallies) < 24:
            time.sleep(0.01)
        service.leave()
        for one in threads:
            one.join(30)
        service.thread.join(30)
        assert not service.thread.is_alive()
    statuses = [status for one in tallies for status in one.statuses]
    assert [lost for one in tallies for lost in one.lost] == []
    assert sum(one.refused for one in tallies) == 12
    assert set(statuses) == {200, 503}
    assert statuses.count(200) >= 24


def test_what_is_in_hand_is_answered_and_what_comes_is_told():
    model = sfumato.load(BUNDLE, device="cpu")
    decide, begun, go = model.predict, threading.Event(), threading.Event()

    def predict(inputs):
        begun.set()
        go.wait(30)
        return decide(inputs)

    model.predict = predict
    with served(model, workers=1, batch=1) as service, service.client() as client, ThreadPoolExecutor(2) as pool:
        first, second = (pool.submit(service.client().post, "/predict", files=files(ONE)) for _ in range(2))
        begun.wait(10)
        while service.service._batcher.waiting < 1:
            time.sleep(0.01)
        service.leave()
        assert client.get("/health").status_code == 200
        assert (client.get("/ready").status_code, client.get("/ready").json()) == (503, {"status": "not ready"})
        late = client.post("/predict", files=files(ONE))
        assert (late.status_code, late.json()["code"]) == (503, "shutting_down")
        assert late.headers["connection"] == "close"
        time.sleep(1.5)  # the socket is closed by now
        with pytest.raises(httpx.ConnectError):
            client.get("/health")
        go.set()
        assert (first.result().status_code, second.result().status_code) == (200, 200)
