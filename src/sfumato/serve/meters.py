"""What is counted, for Prometheus."""

from collections.abc import Callable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from sfumato.predict.decisions import Decision

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
INPUTS = (1, 2, 4, 8, 16, 32)


class Meters:
    """The meters of one service; several services of a process have each their own.

    Args:
        waiting: Gives the inputs that wait.
        held: Gives the bytes of requests in hand.
        unexplained: Gives the pictures that wait to be explained.
    """

    def __init__(
        self, waiting: Callable[[], float], held: Callable[[], float], unexplained: Callable[[], float]
    ) -> None:
        own = self._registry = CollectorRegistry()
        self._requests = Counter("sfumato_requests", "Requests answered.", ("route", "status"), registry=own)
        self._seconds = Histogram(
            "sfumato_predict_seconds", "From a request for decisions to its answer.", buckets=SECONDS, registry=own
        )
        self._inputs = Counter("sfumato_inputs", "Inputs, by what became of them.", ("outcome",), registry=own)
        self._batches = Histogram("sfumato_batch_inputs", "Inputs of a batch.", buckets=INPUTS, registry=own)
        self._looks = Histogram(
            "sfumato_batch_seconds", "Decoding, network and policy of a batch.", buckets=SECONDS, registry=own
        )
        self._explained = Histogram(
            "sfumato_explanation_seconds",
            "Decoding, network, gradient and drawing of an explanation.",
            buckets=SECONDS,
            registry=own,
        )
        Gauge("sfumato_queue_explanations", "Pictures that wait to be explained.", registry=own).set_function(
            unexplained
        )
        Gauge("sfumato_queue_inputs", "Inputs that wait for a worker.", registry=own).set_function(waiting)
        Gauge("sfumato_held_bytes", "Bytes of requests in hand.", registry=own).set_function(held)
        for outcome in ("answered", "withheld", "bad"):
            self._inputs.labels(outcome)  # told as 0 from the beginning

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(route, str(status)).inc()
        if route == "/predict":
            self._seconds.observe(seconds)

    def decided(self, decisions: Sequence[Decision]) -> None:
        """Count what was said of each input."""
        for one in decisions:
            self._inputs.labels("bad" if one.error else "withheld" if one.abstained else "answered").inc()

    def looked(self, inputs: int, seconds: float) -> None:
        """Count a batch."""
        self._batches.observe(inputs)
        self._looks.observe(seconds)

    def explained(self, _: int, seconds: float) -> None:
        """Count a picture that was explained."""
        self._explained.observe(seconds)

    def text(self) -> bytes:
        """In Prometheus' form."""
        return generate_latest(self._registry)
