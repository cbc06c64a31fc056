"""`/openapi.json`: made from the table of routes, with the schemas of the answers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from inspect import getdoc
from typing import Any

from linkwatch.core.inventory import Kind
from linkwatch.core.records import AlertState, Delivery, IncidentState, NotificationKind
from linkwatch.core.status import CauseKind, Status
from linkwatch.web import problem
from linkwatch.web.answer import PAGE_SIZE, PAGE_SIZE_MAX
from linkwatch.web.api.incidents import NOTE_LENGTH_MAX
from linkwatch.web.routes import Route

Schema = dict[str, Any]

API_VERSION = "1.0"
"""Of the description: `/api/v1` only ever gains fields."""

TEXT: Schema = {"type": "string"}
TEXT_OR_NONE: Schema = {"type": ["string", "null"]}
WHOLE: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
NUMBER_OR_NONE: Schema = {"type": ["number", "null"]}
YES_NO: Schema = {"type": "boolean"}
TIME: Schema = {"type": "string", "format": "date-time"}
TIME_OR_NONE: Schema = {"type": ["string", "null"], "format": "date-time"}


def describe(routes: Iterable[Route]) -> Mapping[str, Any]:
    """The document, OpenAPI 3.1."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(plain_path(route.path), {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "LinkWatch", "version": API_VERSION},
        "paths": paths,
        "components": {
            "schemas": _SCHEMAS,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "bearerFormat": "lw_…"}},
        },
    }


def plain_path(path: str) -> str:
    """A route's path without the patterns of its parameters."""
    return re.sub(r"\{(\w+):(?:[^{}]|\{[^{}]*\})*\}", r"{\1}", path)


def _operation(route: Route) -> Schema:
    operation: Schema = {
        "operationId": getattr(route.handler, "__name__", ""),
        "summary": (getdoc(route.handler) or "").partition("\n")[0],
        "parameters": _parameters(route),
        "responses": _responses(route),
        "security": [] if route.access.is_open else [{"key": []}, *([{}] if route.access.local else [])],
        "x-roles": sorted(route.access.roles),
    }
    if route.fields:
        body = _object({name: {**TEXT, "maxLength": NOTE_LENGTH_MAX} for name in route.fields}, required=())
        operation["requestBody"] = {"content": {"application/json": {"schema": body}}}
    return operation


def _parameters(route: Route) -> list[Schema]:
    in_path = re.findall(r"\{(\w+)", route.path)
    found = [{"name": name, "in": "path", "required": True, "schema": TEXT} for name in in_path]
    found += [{"name": name, "in": "query", "schema": _QUERY.get(name, TEXT)} for name in route.parameters]
    return found


def _responses(route: Route) -> Schema:
    success: Schema = {"description": "Success"}
    if route.answer:
        success["content"] = {"application/json": {"schema": _reference(route.answer)}}
    failure = {
        "description": "A problem (RFC 9457)",
        "content": {problem.CONTENT_TYPE: {"schema": _reference("Problem")}},
    }
    return {"200": success, "default": failure}


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: Mapping[str, Schema], required: Iterable[str] | None = None) -> Schema:
    names = list(properties) if required is None else list(required)
    return {"type": "object", "properties": dict(properties), "required": names}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _page(of: str) -> Schema:
    return _object({"items": _list(_reference(of)), "next_cursor": TEXT_OR_NONE})


def _choice(choices: Iterable[str]) -> Schema:
    return {"type": "string", "enum": list(choices)}


_QUERY: Mapping[str, Schema] = {
    "kind": _choice(Kind),
    "status": _choice(Status),
    "limit": {**WHOLE, "minimum": 1, "maximum": PAGE_SIZE_MAX, "default": PAGE_SIZE},
}

_TARGET: Mapping[str, Schema] = {
    "id": TEXT,
    "name": TEXT,
    "kind": _choice(Kind),
    "site": TEXT,
    "owner": TEXT,
    "emergency": YES_NO,
    "status": _choice(Status),
    "cause": _object({"kind": _choice(CauseKind), "reference": TEXT_OR_NONE}),
}

_ALERT = _object(
    {
        "id": TEXT,
        "rule": TEXT_OR_NONE,
        "state": _choice(AlertState),
        "severity": TEXT_OR_NONE,
        "target": TEXT_OR_NONE,
    }
)

_VALUE = _object(
    {
        "metric": TEXT,
        "labels": {"type": "object", "additionalProperties": TEXT},
        "value": NUMBER_OR_NONE,
        "measured_at": TIME_OR_NONE,
    }
)

_EVENT = _object(
    {"at": TIME, "kind": TEXT, "detail": {"type": "object", "additionalProperties": TEXT}},
)

_NOTIFICATION = _object(
    {
        "contact": TEXT,
        "name": TEXT_OR_NONE,
        "channel": TEXT,
        "kind": _choice(NotificationKind),
        "state": _choice(Delivery),
        "attempts": WHOLE,
        "created_at": TIME,
        "delivered_at": TIME_OR_NONE,
        "repeated": YES_NO,
    }
)

_SCHEMAS: Mapping[str, Schema] = {
    "Problem": _object({"type": TEXT, "title": TEXT, "status": WHOLE, "detail": TEXT}),
    "Description": {"type": "object"},
    "Summary": _object(
        {
            "status": _choice(Status),
            "isolated": YES_NO,
            "stale": YES_NO,
            "healthy": YES_NO,
            "counts": _object(dict.fromkeys(Status, WHOLE)),
            "open_incidents": _list(WHOLE),
            "components": _list(_reference("Target")),
            "data_age_s": NUMBER,
        }
    ),
    "Reloaded": _object({"targets": WHOLE}),
    "Target": _object(_TARGET),
    "TargetPage": _page("Target"),
    "TargetDetail": _object(
        {
            **_TARGET,
            "labels": {"type": "object", "additionalProperties": TEXT},
            "address": TEXT,
            "class": TEXT,
            "circuit": {
                **_object({"id": TEXT, "bandwidth_bps": NUMBER_OR_NONE}),
                "type": ["object", "null"],
            },
            "upstreams": _list(TEXT),
            "objectives": _object(
                dict.fromkeys(("loss_ratio", "rtt_s", "jitter_s", "availability_ratio"), NUMBER_OR_NONE)
            ),
            "values": _list(_VALUE),
            "open_incidents": _list(WHOLE),
            "events": _list(_EVENT),
        }
    ),
    "Incident": _object(
        {
            "id": WHOLE,
            "state": _choice(IncidentState),
            "severity": TEXT,
            "emergency": YES_NO,
            "summary": TEXT,
            "root": TEXT_OR_NONE,
            "targets": _list(TEXT),
            "impact": _list(TEXT),
            "alerts": _list(_ALERT),
            "fault_owner": TEXT_OR_NONE,
            "blame_reason": TEXT_OR_NONE,
            "held": YES_NO,
            "covered_by": TEXT_OR_NONE,
            "covered_since": TIME_OR_NONE,
            "opened_at": TIME,
            "acknowledged_at": TIME_OR_NONE,
            "acknowledged_by": TEXT_OR_NONE,
            "resolved_at": TIME_OR_NONE,
            "timeline": _list(_EVENT),
            "notifications": _list(_NOTIFICATION),
        }
    ),
    "IncidentPage": _page("Incident"),
}
