"""What the service needs beside Sfumato's own dependencies."""

from importlib.util import find_spec

from sfumato.errors import InputError

NEEDED = ("fastapi", "uvicorn", "python_multipart", "prometheus_client")
"""As they are imported."""


def require_extra() -> None:
    """Refuse to begin without the libraries of the extra `serve`.

    Raises:
        InputError: One is not installed; with the line that installs it.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise InputError(f"a service needs {', '.join(missing)}", mend="pip install 'sfumato[serve]'")
