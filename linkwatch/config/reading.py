"""Parts of the file as models or fields, and what is wrong with them in words for people."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from linkwatch.config.fields import shape_of
from linkwatch.config.problems import Step, suggest

KnownIds = Mapping[str, Collection[str]]
"""What can be referred to (`site`, `target`, …) -> the ids that the file writes."""

Found = tuple[tuple[Step, ...], str]
"""Where, below the value that was read, and what is wrong."""


def read(shape: Any, raw: Any, known: KnownIds) -> tuple[Any, list[Found]]:
    """`raw` as a `shape` (a model or an annotated type), or None and everything that is wrong with it."""
    try:
        if isinstance(shape, type) and issubclass(shape, BaseModel):
            return shape.model_validate(raw, context=known), []
        return _adapter(shape).validate_python(raw, context=known), []
    except ValidationError as errors:
        return None, list(_explain_all(shape, errors))


@cache
def _adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)


def _explain_all(shape: Any, errors: ValidationError) -> Iterator[Found]:
    for error in errors.errors(include_url=False):
        path = tuple(step for step in error["loc"] if step != "[key]")
        yield path, _explain(shape, path, error)


def _explain(shape: Any, path: tuple[Step, ...], error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "missing":
        return f"is missing (needed here: {', '.join(_required(_model_at(shape, path[:-1])))})"
    if kind == "extra_forbidden":
        return "unknown key" + suggest(str(path[-1]), keys_of(_model_at(shape, path[:-1])))
    if kind == "too_short":
        return "is empty; write at least one"
    wanted = {"model_type": "a mapping", "dict_type": "a mapping", "list_type": "a list"}
    return f"must be {wanted[kind]}, not {shape_of(error['input'])}" if kind in wanted else error["msg"]


def _model_at(shape: Any, path: Sequence[Step]) -> type[BaseModel]:
    """The model that stands at `path` below a shape."""
    model = _model_in(shape)
    if model is None:
        raise LookupError(f"no model in {shape}")
    for step in path:
        field = next((f for name, f in model.model_fields.items() if (f.alias or name) == step), None)
        model = (_model_in(field.annotation) if field else None) or model
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)


def keys_of(model: type[BaseModel]) -> tuple[str, ...]:
    """The keys that an entry may have, as they are written."""
    return tuple(field.alias or name for name, field in model.model_fields.items())


def _required(model: type[BaseModel]) -> tuple[str, ...]:
    return tuple(field.alias or name for name, field in model.model_fields.items() if field.is_required())
