"""Converters talk: progress marks, warnings of their own making. What goes wrong in them is raised all the same."""

import contextlib
import io
import logging
import warnings
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def silence() -> Generator[None]:
    """Within the context nothing below an error is logged, and nothing printed."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
