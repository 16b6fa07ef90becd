"""Where what can be made again is kept between runs: in the user's cache folder, never beside the user's files."""

import os
import sys
from pathlib import Path


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
