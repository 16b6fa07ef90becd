"""What transformers loads, without its own talk, and refused where it is not whole."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

from torch import Tensor


@contextmanager
def hushed(transformers: Any) -> Generator[None]:
    """Within the context transformers shows no bars and no reports: what is wrong is told in a line of our own."""
    log = transformers.utils.logging
    verbosity, bars = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        yield
    finally:
        log.set_verbosity(verbosity)
        if bars:
            log.enable_progress_bar()


def pretrained(transformers: Any, model: str, source: str, **settings: Any) -> dict[str, Tensor]:
    """The tensors that stand in the files of a model: those that are missing there are drawn at random, and left out.

    Args:
        transformers: The library.
        model: Name of its class that loads them.
        source: An id of the hub, or a folder.
        settings: Of `from_pretrained`.
    """
    with hushed(transformers):
        load = getattr(transformers, model).from_pretrained
        loaded, about = load(source, output_loading_info=True, trust_remote_code=False, **settings)
    missing = {*about["missing_keys"], *(name for name, *_ in about["mismatched_keys"])}
    return {name: value for name, value in cast(dict[str, Tensor], loaded.state_dict()).items() if name not in missing}
