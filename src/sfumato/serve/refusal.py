"""Why a request is not answered: a status, a word for programs, and one line for people."""

LONGEST = 300
"""Characters of a reason: what a client sent may stand in it, and only so much of that."""


class Refusal(Exception):  # noqa: N818  # what is refused is no failure of the service
    """A request that gets no decisions.

    Args:
        status: Of HTTP, 400 to 599.
        code: A word that stays the same, such as `too_many_bytes`.
        reason: What is wrong and what was expected; only its first line is told.
        retry: Seconds after which to try again; None = trying again is no use.
    """

    def __init__(self, status: int, code: str, reason: str, retry: int | None = None) -> None:
        line = " ".join(reason.split())
        self.reason = line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
        super().__init__(self.reason)
        self.status, self.code, self.retry = status, code, retry

    def to_dict(self) -> dict[str, object]:
        """JSON-ready form."""
        return {"code": self.code, "error": self.reason}

    @property
    def headers(self) -> dict[str, str]:
        """What is said beside it."""
        told = {} if self.retry is None else {"Retry-After": str(self.retry)}
        return {**told, "WWW-Authenticate": "Bearer"} if self.status == 401 else told


def leaving() -> Refusal:
    """A request that came while the service ends."""
    return Refusal(503, "shutting_down", "the service is ending and takes no new requests", retry=5)
