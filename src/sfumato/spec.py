"""What every part of a recipe is: a frozen, strict, typed record that knows all its fields and refuses any other."""

from collections.abc import Mapping
from typing import Any, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    SerializerFunctionWrapHandler,
    model_serializer,
)


class Spec(BaseModel):
    """Base of all recipe parts. A component owns its spec and nobody else reads it.

    The text under a field is its documentation: the recipe's reference page and the editor's hints are made from it.
    """

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )

    @property
    def changed(self) -> tuple[str, ...]:
        """Names of the fields whose value is not the default; writing a default out is no change."""
        return tuple(name for name, info in type(self).model_fields.items() if getattr(self, name) != info.default)

    @model_serializer(mode="wrap")
    def _without_idle_nulls(self, standard: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Every field, but for those that are none and would be none if left out."""
        idle = {name for name, info in type(self).model_fields.items() if getattr(self, name) is info.default is None}
        return {name: value for name, value in cast(dict[str, Any], standard(self)).items() if name not in idle}


def kind_or(default: str, key: str = "kind") -> Discriminator:
    """Tells the kinds of a component apart by their `kind`; a component that does not say is of the default kind."""

    def kind(value: object) -> str:
        if isinstance(value, Mapping):
            return str(cast(Mapping[str, Any], value).get(key, default))
        return str(getattr(value, key, "something that is no mapping"))

    kind.__name__ = key  # pydantic's error about an unknown kind names the function
    return Discriminator(kind)
