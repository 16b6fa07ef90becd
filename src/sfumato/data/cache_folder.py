"""Where what can be made again is kept between runs: in the user's cache folder, never beside the user's files."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError


def cache_folder() -> Path:
    """`sfumato` below XDG_CACHE_HOME, or below where this system keeps what can be made again."""
    asked = os.environ.get("XDG_CACHE_HOME", "")
    if Path(asked).is_absolute():
        return Path(asked) / "sfumato"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "sfumato" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "sfumato"
    return Path.home() / ".cache" / "sfumato"


def recall(path: Path, schema: Mapping[str, pl.DataType | type[pl.DataType]]) -> pl.DataFrame | None:
    """What `remember` wrote there; None where nothing was, or it is damaged or of another form."""
    with contextlib.suppress(OSError, PolarsError):
        frame = pl.read_parquet(path)
        if frame.schema == pl.Schema(schema):
            return frame
    return None


def remember(path: Path, frame: pl.DataFrame) -> None:
    """Write a table in one step: a reader sees the old one or the new one, whole. A full disk only forgets."""
    with contextlib.suppress(OSError, PolarsError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".new")
        os.close(handle)
        try:
            frame.write_parquet(name)
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)
