"""How requests for explanations and their answers are described in OpenAPI."""

from sfumato.outputs import RowForm
from sfumato.serve.asking import WANTED
from sfumato.serve.form import FILES, TEXTS
from sfumato.serve.json_body import JsonWhere
from sfumato.serve.schema import Schema, described, either, refusals, strict_object

_TEXT: Schema = {"type": "string"}
_SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}


def where_body(form: RowForm) -> Schema:
    """Either of the two forms of a request."""
    fields: Schema = {FILES: {"type": "string", "format": "binary", "description": "One picture."}}
    if form.texts:
        fields[TEXTS] = {**_TEXT, "description": "What is said of it, by which a class may be decided on."}
    known = JsonWhere.model_json_schema()["properties"]
    names = {name: {**_TEXT, "description": known[name]["description"]} for name in WANTED}
    return either({**fields, **names}, JsonWhere)


def where_responses() -> dict[int | str, Schema]:
    """Status -> what is answered."""
    unusable = "Of a wrong form, the picture is bad, there is no such class, or it can't be explained."
    return {200: described("Where in the picture is what speaks for the class.", _explained()), **refusals(unusable)}


def _explained() -> Schema:
    """As `Explained.to_dict` gives it."""
    row: Schema = {"type": "array", "items": _SHARE}
    return strict_object(
        {
            "input": _TEXT,
            "task": _TEXT,
            "label": _TEXT,
            "map": {"type": "array", "items": row},
            "box": {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4},
            "networks": {"type": "integer", "minimum": 1},
            "picture": {**_TEXT, "pattern": "^data:image/png;base64,"},
        }
    )
