"""No warnings of PIL's while pictures are decoded, whatever the number of threads."""

import warnings
from collections.abc import Generator
from contextlib import contextmanager
from threading import Lock


class _Filters:
    """Python's filters of warnings, which all threads share."""

    lock = Lock()
    users = 0
    former = warnings.catch_warnings()


@contextmanager
def quiet() -> Generator[None]:
    """No warning of PIL's: it warns of odd metadata, and what matters here is whether pixels come out.

    The first thread changes the filters and the last one puts them back; each for itself would put back another's.
    """
    with _Filters.lock:
        if _Filters.users == 0:
            _Filters.former = warnings.catch_warnings()
            _Filters.former.__enter__()
            warnings.filterwarnings("ignore", module=r"PIL\.")
        _Filters.users += 1
    try:
        yield
    finally:
        with _Filters.lock:
            _Filters.users -= 1
            if _Filters.users == 0:
                _Filters.former.__exit__(None, None, None)
