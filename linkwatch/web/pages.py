"""The pages: the wall, one incident with its answer form, and signing in with a key."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from importlib.resources import files
from typing import Any

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from linkwatch.core.blame import Blame, Ground
from linkwatch.core.wording import say, say_duration, say_figure, say_time
from linkwatch.store.keys import Role
from linkwatch.web import words
from linkwatch.web.answer import plain_text
from linkwatch.web.api.incidents import NOTE_LENGTH_MAX, find_incident
from linkwatch.web.auth import COOKIE, GATE, authenticate, check_form, current_caller, form_token, peer_of
from linkwatch.web.carriers import Strain
from linkwatch.web.peer import same_origin
from linkwatch.web.problem import Problem, bad_request, not_found
from linkwatch.web.services import SERVICES
from linkwatch.web.timeline import timeline
from linkwatch.web.view import view_of
from linkwatch.web.wall import build_wall, incident_card

NAME_LENGTH_MAX = 80
SIGNED_IN_S = 30 * 86_400

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: browsers then send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

_ASSETS = {
    "pages.css": "text/css",
    "wall.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}

_templates = Environment(
    loader=PackageLoader("linkwatch.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.globals.update(words=words)


async def wall_page(request: web.Request) -> web.Response:
    """The wall."""
    return await _wall(request, "wall.html")


async def wall_part(request: web.Request) -> web.Response:
    """What changes on the wall; the page asks for it every two seconds."""
    return await _wall(request, "wall_part.html")


async def incident_page(request: web.Request) -> web.Response:
    """One incident. Showing it changes nothing, so links in messages may be fetched by anybody's preview."""
    services, caller = request.app[SERVICES], current_caller(request)
    incident = await find_incident(request)
    view = view_of(services, caller)
    events = [event for event in await services.store.timeline(incident.id) if view.shows(event)]
    return _page(
        request,
        "incident.html",
        card=await incident_card(services, view, incident),
        ground=_ground(Blame.parse(incident.fault_owner, view.blank(incident.blame_reason))),
        timeline=timeline(services.inventory(), events),
        may_answer=caller.at_the_machine or caller.role is not Role.VIEWER,
        asks_name=caller.at_the_machine,
        token=form_token(request.app[GATE], caller, _purpose(incident.id)),
        now=services.now(),
    )


async def answer_incident(request: web.Request) -> web.Response:
    """The form on an incident's page: take it on. Then show the page again."""
    incident = await find_incident(request)
    form, caller = await _form(request), current_caller(request)
    check_form(request, form.get("token", ""), _purpose(incident.id))
    note = plain_text("note", form.get("note", ""), NOTE_LENGTH_MAX)
    name = plain_text("name", form.get("name", ""), NAME_LENGTH_MAX) if caller.at_the_machine else caller.name
    if not name:
        raise bad_request("Xin ghi tên người nhận. / Say who answers.")
    await request.app[SERVICES].actions.ack(incident.id, name, note)
    raise web.HTTPSeeOther(f"/incidents/{incident.id}")


async def sign_in_page(request: web.Request) -> web.Response:
    """Where a browser beyond this machine gives its key."""
    peer_of(request)
    return _page(request, "sign_in.html", next_path=_own_path(request.query.get("next", "/")))


async def sign_in(request: web.Request) -> web.Response:
    """Keep the key in a cookie that scripts cannot read and other sites cannot use to change anything."""
    peer, form = peer_of(request), await _form(request)
    if not same_origin(request.headers):
        raise Problem(HTTPStatus.FORBIDDEN, "Sign in on the page itself.")
    token = form.get("key", "").strip()
    await authenticate(request.app[SERVICES], request.app[GATE], peer, token)
    response = web.Response(status=HTTPStatus.SEE_OTHER)
    response.headers["Location"] = _own_path(form.get("next", "/"))
    response.set_cookie(
        COOKIE, token, max_age=SIGNED_IN_S, httponly=True, samesite="Lax", secure=peer.is_encrypted
    )
    return response


async def asset(request: web.Request) -> web.Response:
    """A style sheet, script or picture of the pages."""
    name = request.match_info["name"]
    if name not in _ASSETS:
        raise not_found()
    text = files("linkwatch.web").joinpath("static", name).read_text(encoding="utf-8")
    headers = {"Cache-Control": "no-cache", **SECURITY_HEADERS}
    return web.Response(text=text, content_type=_ASSETS[name], charset="utf-8", headers=headers)


async def _form(request: web.Request) -> Mapping[str, str]:
    """The texts of a form; files are not taken."""
    try:
        form = await request.post()
    except ValueError:
        raise bad_request("The form cannot be read.") from None
    return {name: text for name, text in form.items() if isinstance(text, str)}


async def _wall(request: web.Request, template: str) -> web.Response:
    services = request.app[SERVICES]
    wall = await build_wall(services, view_of(services, current_caller(request)))
    return _page(request, template, wall=wall)


def _page(request: web.Request, template: str, **data: Any) -> web.Response:
    zone = request.app[SERVICES].zone
    text = _templates.get_template(template).render(
        **data,
        clock=lambda at: datetime.fromtimestamp(at, zone).strftime("%H:%M:%S"),
        date_time=lambda at: say_time("vi", at, zone),
        duration=lambda seconds: say_duration("vi", seconds),
        strain=_strain,
    )
    headers = {"Cache-Control": "no-store", **SECURITY_HEADERS}
    return web.Response(text=text, content_type="text/html", charset="utf-8", headers=headers)


def _strain(strain: Strain) -> Mapping[str, str]:
    """Both figures in the unit that people use."""
    scale, unit = (100.0, "%") if strain.objective == "loss" else (1000.0, "ms")
    return {
        "measured": say_figure("vi", strain.measured * scale, unit),
        "promised": say_figure("vi", strain.promised * scale, unit),
    }


def _ground(blame: Blame) -> Mapping[str, str]:
    if blame.ground is Ground.UNKNOWN:
        return {"vi": "", "en": ""}
    return {language: say(language, blame.ground, detail=blame.detail) for language in ("vi", "en")}


def _purpose(incident_id: int) -> str:
    return f"answer incident {incident_id}"


def _own_path(path: str) -> str:
    """The path if it stays on this server, else the wall."""
    is_own = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_own else "/"
