"""Every route of LinkWatch: who may use it, and what it answers. `/openapi.json` is made from this table."""

from __future__ import annotations

from typing import NamedTuple

from aiohttp import web
from aiohttp.typedefs import Handler

from linkwatch.web import pages, scrape
from linkwatch.web.access import ADMINISTER, ANSWER, HANDLE, LOOK, METRICS, OPEN, OPERATE, READ, Access
from linkwatch.web.api import incidents, targets
from linkwatch.web.door import bounded


class Route(NamedTuple):
    """`answer`: the schema of a successful answer in the API's description; empty for what is not JSON."""

    method: str
    path: str
    handler: Handler
    access: Access
    answer: str = ""
    parameters: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()


_PAGING = ("limit", "cursor")
_INCIDENT = r"/api/v1/incidents/{id:\d{1,15}}"
_INCIDENT_PAGE = r"/incidents/{id:\d{1,15}}"

ROUTES = (
    Route("GET", "/healthz", scrape.healthz, OPEN),
    Route("GET", "/readyz", scrape.readyz, OPEN),
    Route("GET", "/metrics", bounded(scrape.metrics, at_once=4, deadline_s=30.0), METRICS),
    Route("GET", "/openapi.json", scrape.openapi, READ, "Description"),
    Route("POST", "/api/v1/reload", scrape.reload, ADMINISTER, "Reloaded"),
    Route("GET", "/api/v1/summary", targets.summary, READ, "Summary"),
    Route(
        "GET",
        "/api/v1/targets",
        targets.list_targets,
        READ,
        "TargetPage",
        ("kind", "site", "owner", "status", *_PAGING),
    ),
    Route("GET", "/api/v1/targets/{id}", targets.show_target, READ, "TargetDetail"),
    Route("GET", "/api/v1/incidents", incidents.list_incidents, READ, "IncidentPage", ("state", *_PAGING)),
    Route("GET", _INCIDENT, incidents.show_incident, READ, "Incident"),
    Route("POST", f"{_INCIDENT}/ack", incidents.acknowledge, HANDLE, "Incident", fields=("note",)),
    Route("POST", f"{_INCIDENT}/note", incidents.note, HANDLE, "Incident", fields=("text",)),
    Route("POST", f"{_INCIDENT}/resolve", incidents.resolve, OPERATE, "Incident", fields=("note",)),
    Route("GET", "/", pages.wall_page, LOOK),
    Route("GET", "/wall", pages.wall_part, LOOK),
    Route("GET", _INCIDENT_PAGE, pages.incident_page, LOOK),
    Route("POST", _INCIDENT_PAGE, pages.answer_incident, ANSWER),
    Route("GET", "/sign-in", pages.sign_in_page, OPEN),
    Route("POST", "/sign-in", pages.sign_in, OPEN),
    Route("GET", "/static/{name}", pages.asset, OPEN),
)


def add_routes(router: web.UrlDispatcher) -> dict[web.AbstractRoute, Access]:
    """Put the table into a router; returns who may use each of its routes. HEAD goes with GET."""
    access: dict[web.AbstractRoute, Access] = {}
    for route in ROUTES:
        resource = router.add_resource(route.path)
        for method in ("GET", "HEAD") if route.method == "GET" else (route.method,):
            access[resource.add_route(method, route.handler)] = route.access
    return access
