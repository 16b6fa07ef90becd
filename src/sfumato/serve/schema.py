"""How requests and answers are described in OpenAPI, by what the bundle can say."""

from collections.abc import Mapping
from typing import Any

from sfumato.outputs import RowForm
from sfumato.serve.form import FILES, TEXTS
from sfumato.serve.json_body import JsonBody

Schema = dict[str, Any]
_TEXT: Schema = {"type": "string"}
_FLAG: Schema = {"type": "boolean"}
_SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}


def request_body(form: RowForm) -> Schema:
    """Either of the two forms of a request."""
    fields: Schema = {FILES: {"type": "array", "items": {"type": "string", "format": "binary"}}}
    if form.texts:
        fields[TEXTS] = {"type": "array", "items": _TEXT, "description": "One for each file."}
    return either(fields, JsonBody)


def either(fields: Schema, body: type[JsonBody]) -> Schema:
    """A request of a form with these fields, or of JSON."""
    multipart = {"type": "object", "properties": fields, "required": [FILES]}
    kinds = {"multipart/form-data": multipart, "application/json": inlined(body.model_json_schema())}
    return {"required": True, "content": {kind: {"schema": schema} for kind, schema in kinds.items()}}


def responses(form: RowForm) -> dict[int | str, Schema]:
    """Status -> what is answered."""
    unusable = "Of a wrong form, or none of its inputs can be decided on; `decisions` then says why of each."
    return {200: described("One decision an input, in order.", answers(form)), **refusals(unusable)}


def refusals(unusable: str) -> dict[int | str, Schema]:
    """Status -> what is said where a request is refused; `unusable` says when it is 422."""
    refused = {
        400: "No form or JSON, or cut off.",
        401: "No key, or another.",
        403: "A page of another address.",
        408: "It arrived too slowly.",
        413: "More bytes, files, pixels or characters than a request may have.",
        415: "Neither a form nor JSON.",
        421: "A name by which the service is not to be called.",
        422: unusable,
        429: "Too much waits already.",
        503: "It took too long, or the service is ending.",
    }
    return {status: described(said, refusal()) for status, said in refused.items()}


def refusal() -> Schema:
    """What is said where there are no decisions."""
    return strict_object({"code": _TEXT, "error": _TEXT}, optional={"decisions": {"type": "array"}})


def answers(form: RowForm) -> Schema:
    """What is said where there are."""
    return strict_object({"decisions": {"type": "array", "items": decision(form)}})


def decision(form: RowForm) -> Schema:
    """A decision, as `Decision.to_dict` gives it; where the picture is bad without what there then is none of."""
    error, lacking = {"error": _maybe(_TEXT)}, {"without": _TEXT} if form.texts else {}
    if isinstance(form.classes, Mapping):
        said = {task: _said(form, names, bad=False) for task, names in form.classes.items()}
        return strict_object({"input": _TEXT, "answers": strict_object({}, optional=said), **error}, optional=lacking)
    stopped = form.path.sides[:1] if form.path and form.path.sides else ()
    own = _said(form, form.classes, bad=True, stopped=stopped, others=form.path.sides or () if form.path else ())
    optional = {name: own["properties"][name] for name in own["properties"] if name not in own["required"]}
    required = {name: own["properties"][name] for name in own["required"]}
    path: Schema = {} if form.path is None else {"stage": {"enum": ["gate", "products"]}, "path": _path()}
    return strict_object({"input": _TEXT, **required, **error}, optional={**optional, **lacking, **path})


def _path() -> Schema:
    """What each stage of a cascade said that looked at a picture."""
    some: Schema = {"type": "array", "items": _TEXT}
    said = {"stage": _TEXT, "probabilities": {"type": "object", "additionalProperties": _SHARE}}
    step = strict_object(said, optional={"label": _maybe(_TEXT), "confidence": _SHARE, "labels": some})
    return {"type": "array", "items": step}


def _said(
    form: RowForm, names: tuple[str, ...], *, bad: bool, stopped: tuple[str, ...] = (), others: tuple[str, ...] = ()
) -> Schema:
    """What is said in one task; of several classes `labels`, which a bad picture has not.

    Of a cascade the answer may be that of a picture that was stopped, with the probabilities of the gate's classes.
    """
    some: Schema = {"type": "array", "items": {"type": "string", "enum": list(names)}}
    single = {"label": _maybe({"type": "string", "enum": [*names, *stopped]}), "confidence": _maybe(_SHARE)}
    single["abstained"] = _FLAG
    chances = strict_object({}, optional=dict.fromkeys((*names, *others), _SHARE))
    always = {"probabilities": chances, "calibrated": _FLAG}
    maybe: Schema = {"set": some} if form.sets else {}
    maybe |= {"familiarity": {"type": "number", "maximum": 0}} if form.familiarity else {}
    if form.multilabel:
        return strict_object(always, optional={**maybe, "labels": some, **(single if bad else {})})
    return strict_object({**single, **always}, optional=maybe)


def inlined(schema: Schema) -> Schema:
    """A schema without references, which would point out of the document that it becomes part of."""
    known = schema.pop("$defs", {})

    def put(part: Any) -> Any:
        if isinstance(part, list):
            return [put(one) for one in part]  # pyright: ignore[reportUnknownVariableType]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            return put(known[str(part["$ref"]).rpartition("/")[2]])  # pyright: ignore[reportUnknownArgumentType]
        return {key: put(value) for key, value in part.items()}  # pyright: ignore[reportUnknownVariableType]

    return put(schema)


def described(said: str, schema: Schema) -> Schema:
    """An answer of JSON."""
    return {"description": said, "content": {"application/json": {"schema": schema}}}


def _maybe(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def strict_object(required: Schema, optional: Schema | None = None) -> Schema:
    """An object of these fields and no others."""
    fields = {**required, **(optional or {})}
    return {"type": "object", "properties": fields, "required": list(required), "additionalProperties": False}
