"""How a service works: its workers, its batches, and what it takes at most."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import Field, ValidationError

from sfumato.document import Document
from sfumato.errors import InputError
from sfumato.predict.inference_engine import EngineName
from sfumato.predict.predictor import BATCH
from sfumato.recipe.explain import explain
from sfumato.spec import Spec

Count = Annotated[int, Field(ge=1)]


class ServeSettings(Spec):
    """All settings of a service, each with a bound that holds for every client together or for one request."""

    workers: Annotated[int, Field(ge=1, le=64)] = 2
    """Threads that look at batches, all with the same weights; one decodes while another computes."""
    batch: Annotated[int, Field(ge=1, le=BATCH)] = 16
    """Most inputs that are looked at together, whatever requests they came with."""
    wait_ms: Annotated[float, Field(ge=0, le=1000)] = 5.0
    """How long the first input of a batch waits for others, in milliseconds; 0 = not at all."""
    queue: Count = 256
    """Inputs that may wait for a worker; a request that would make them more is answered 429."""
    explanations: Annotated[int, Field(ge=0)] = 8
    """Pictures that may wait to be explained, one after another; more are answered 429. 0 = none is explained."""
    files: Count = 64
    """Most pictures, and most inputs, of a request; more is answered 413."""
    megabytes: Annotated[float, Field(gt=0, le=2048)] = 32.0
    """Most bytes of a request's body, in millions; more is answered 413."""
    megapixels: Annotated[float, Field(gt=0, le=100)] = 50.0
    """Most pixels of a picture, in millions, and of a batch together, by what files claim before they are decoded; a
    larger picture is answered 413."""
    characters: Count = 20_000
    """Most characters of the text of an input; more is answered 413."""
    held_megabytes: Annotated[float, Field(gt=0)] = 256.0
    """Most bytes of all bodies that are in hand, in millions; a request that would make them more is answered 429."""
    seconds: Annotated[float, Field(gt=0, le=3600)] = 30.0
    """Within which a request must have arrived, or it is answered 408, and then be decided on, or 503."""
    engine: EngineName = "auto"
    """What computes, as in `sfumato predict`: `torch`, `onnx` if the bundle holds graphs, or `auto`."""
    hosts: tuple[str, ...] = ()
    """Names by which it may be called (the `Host` of a request), others are answered 421; none = any, but on an address
    of this machine alone only names of that, so that no page elsewhere can reach it by a name that it controls."""


def read_settings(given: Mapping[str, Any]) -> ServeSettings:
    """The settings, of what `--set` was given.

    Raises:
        InputError: One is unknown, of another type or out of its range.
    """
    typed = {name: tuple(cast(list[Any], value)) if isinstance(value, list) else value for name, value in given.items()}
    try:
        settings = ServeSettings.model_validate(typed)
    except ValidationError as error:
        raise explain(error, Document(dict(given), name="--set"), ServeSettings.model_json_schema()) from None
    if settings.held_megabytes < settings.megabytes:
        what, expected = f"found {settings.held_megabytes:g}", f"at least megabytes, {settings.megabytes:g}"
        raise InputError(what, where="--set", setting="held_megabytes", expected=expected)
    return settings


def name_of(bundle: str | Path) -> str:
    """What a bundle is called: its folder, or that of its run."""
    path = Path(bundle).absolute()
    return path.parent.name if path.name == "bundle" else path.name
