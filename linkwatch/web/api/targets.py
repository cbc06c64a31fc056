"""`/api/v1/summary`, `/api/v1/targets` and `/api/v1/targets/{id}`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from aiohttp import web

from linkwatch.core.board import Board
from linkwatch.core.catalog import TARGET_LABELS
from linkwatch.core.inventory import Kind, Target
from linkwatch.core.records import TargetEvent
from linkwatch.core.status import Status, count, overall
from linkwatch.web.answer import json_answer, page_size, parameters, read_cursor, rfc3339, write_cursor
from linkwatch.web.api.incidents import open_incidents
from linkwatch.web.auth import current_caller
from linkwatch.web.problem import bad_request, not_found
from linkwatch.web.services import SERVICES
from linkwatch.web.view import View, view_of


async def summary(request: web.Request) -> web.Response:
    """The state of everything in sight, in the vocabulary of Statuspage."""
    services = request.app[SERVICES]
    parameters(request)
    view, health = view_of(services, current_caller(request)), services.health()
    reachability = services.reachability()
    exceptions = list(view.exceptions.values())
    payload = {
        "status": overall(exceptions),
        "isolated": reachability is not None and reachability.isolated,
        "stale": health.is_stale,
        "healthy": health.ok,
        "counts": count(len(view.targets), exceptions),
        "open_incidents": [incident.id for incident in await open_incidents(services.store, view)],
        "components": [brief_target(view, target) for target in view.targets.values()],
    }
    return json_answer(request, payload, {"data_age_s": round(health.data_age_s, 3)})


async def list_targets(request: web.Request) -> web.Response:
    """Targets by id, filtered by kind, site, owner and status."""
    query = parameters(request, "kind", "site", "owner", "status", "limit", "cursor")
    limit, after = page_size(query), read_cursor(query.get("cursor", ""))
    _check_choice(query, "kind", Kind)
    _check_choice(query, "status", Status)
    view = view_of(request.app[SERVICES], current_caller(request))
    found = sorted(i for i in view.targets if i > after and _matches(view, i, query))
    page = found[:limit]
    more = write_cursor(page[-1]) if len(found) > limit else None
    items = [brief_target(view, view.targets[i]) for i in page]
    return json_answer(request, {"items": items, "next_cursor": more})


async def show_target(request: web.Request) -> web.Response:
    """One target with its current values and open incidents."""
    services = request.app[SERVICES]
    parameters(request)
    view = view_of(services, current_caller(request))
    target = view.targets.get(request.match_info["id"])
    if target is None:
        raise not_found()
    incidents = [
        i.id for i in await open_incidents(services.store, view) if target.id in (i.root, *i.targets)
    ]
    payload = {
        **brief_target(view, target),
        "labels": target.labels(),
        "address": target.address,
        "class": target.link_class,
        "circuit": None
        if target.circuit is None
        else {"id": target.circuit.id, "bandwidth_bps": target.circuit.bandwidth_bps},
        "upstreams": view.within(target.via),
        "objectives": _objectives(view, target),
        "values": list(_values(services.board, target.id)),
        "open_incidents": incidents,
        "events": [_event(event) for event in services.events(target.id)],
    }
    return json_answer(request, payload)


def brief_target(view: View, target: Target) -> dict[str, Any]:
    """What a list says of a target."""
    status = view.status(target.id)
    return {
        "id": target.id,
        "name": target.name,
        "kind": target.kind,
        "site": target.site,
        "owner": target.owner,
        "emergency": target.emergency,
        "status": status.status,
        "cause": {"kind": status.cause, "reference": status.reference or None},
    }


def _matches(view: View, target_id: str, query: Mapping[str, str]) -> bool:
    target = view.targets[target_id]
    facts = {
        "kind": target.kind.value,
        "site": target.site,
        "owner": target.owner,
        "status": view.status(target_id).status.value,
    }
    return all(query.get(name, fact) == fact for name, fact in facts.items())


def _check_choice(query: Mapping[str, str], name: str, choices: type[Kind] | type[Status]) -> None:
    allowed = [choice.value for choice in choices]
    if query.get(name, allowed[0]) not in allowed:
        raise bad_request(f"{name} is one of {', '.join(allowed)}.")


def _event(event: TargetEvent) -> dict[str, Any]:
    return {"at": rfc3339(event.at), "kind": event.kind, "detail": dict(event.detail)}


def _objectives(view: View, target: Target) -> dict[str, float | None]:
    objectives = view.inventory.objectives(target)
    return {
        "loss_ratio": objectives.loss_ratio,
        "rtt_s": objectives.rtt_s,
        "jitter_s": objectives.jitter_s,
        "availability_ratio": objectives.availability_ratio,
    }


def _values(board: Board, target_id: str) -> Iterator[dict[str, Any]]:
    """Every present series of the target; a value that is no number (NaN, infinity) is null."""
    for column in board:
        rows = column.rows_of(target_id)
        for row in rows[column.present[rows]].tolist():
            value = float(column.values[row])
            yield {
                "metric": column.name,
                "labels": {k: v for k, v in column.labels(row).items() if k not in TARGET_LABELS},
                "value": value if math.isfinite(value) else None,
                "measured_at": rfc3339(float(column.measured_at[row]) or None),
            }
