"""The verb: a bundle, an address, and the service between them."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from sfumato.console import Console
from sfumato.predict.loading import load
from sfumato.serve.guard import HERE, Door, accepted_hosts
from sfumato.serve.key import read_key
from sfumato.serve.server import address_of, bound, run
from sfumato.serve.service import Service
from sfumato.serve.settings import name_of, read_settings
from sfumato.training.records import Noted


def serve(
    bundle: str,
    host: str,
    port: int,
    given: Mapping[str, Any],
    key_file: Path | None,
    begun: Callable[[str], Any],
) -> None:
    """Serve a bundle until a signal ends it.

    Args:
        bundle: A bundle, or the folder of a run.
        host: Address of this machine at which to listen.
        port: 0 = a free one.
        given: Setting -> value.
        key_file: A file with the key that clients must show; None = the environment's, if there is one.
        begun: Called with the address when clients can connect.

    Raises:
        InputError: A setting, the key, the address or the bundle is wrong.
    """
    settings, key = read_settings(given), read_key(key_file)
    share_processors(settings.workers)
    listener = bound(host, port)  # before the bundle is loaded: a port that is taken is told at once
    with listener:
        door = Door(accepted_hosts(host, settings.hosts), key)
        if key is None and host not in HERE:
            Console().note(Noted(f"no key: whoever reaches {host} may ask; --key-file names one", warning=True))
        service = Service(load(bundle, engine=settings.engine), name_of(bundle), settings, door)
        run(service, listener, settings.seconds, lambda: begun(address_of(listener)))


def share_processors(workers: int) -> None:
    """Give each worker its part of the processors: more threads than these would wait for each other.

    Nothing is changed where OMP_NUM_THREADS says how many.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // workers))
