"""What config.js announces to every client: the XMPP domains, and where signalling is. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from yarl import URL

from probes.jitsi.javascript import Value, read_script

_DOMAIN_LONGEST = 255
_BOSH, _WEBSOCKET = ("http", "https"), ("ws", "wss")


class UselessConfig(ValueError):  # noqa: N818 - reads as what it is
    """No client could do with it; the text says why."""


@dataclass(frozen=True, slots=True)
class Announced:
    """`guest_domain`: where guests log in on a platform that also has users, else empty.

    `bosh`, `websocket`: None where config.js names none; `guessed`: those that it computes in a way that
    cannot be read, for which Jitsi's own paths stand.
    """

    domain: str
    user_domain: str
    guest_domain: str
    focus: str
    bosh: URL | None
    websocket: URL | None
    prefers_bosh: bool
    guessed: tuple[str, ...]


def read_config(source: str, page: URL) -> Announced:
    """What `source` announces to a browser that shows `page`.

    Raises UselessConfig, tokens.ScriptError.
    """
    config = read_script(source, {"location": _location(page)}).get("config")
    if not isinstance(config, dict):
        raise UselessConfig("it sets no config")
    hosts = config.get("hosts")
    domain = _domain(hosts, "domain", "")
    if not domain:
        raise UselessConfig("it names no hosts.domain")
    guessed: list[str] = []
    bosh = _address(config, "bosh", page, "http-bind", guessed)
    websocket = _address(config, "websocket", page, "xmpp-websocket", guessed)
    if bosh is None and websocket is None:
        raise UselessConfig("it names neither bosh nor websocket")
    return Announced(
        domain=domain,
        user_domain=_domain(hosts, "authdomain", domain),
        guest_domain=_domain(hosts, "anonymousdomain", ""),
        focus=_domain(hosts, "focus", f"focus.{domain}"),
        bosh=bosh,
        websocket=websocket,
        prefers_bosh=config.get("preferBosh") is True,
        guessed=tuple(guessed),
    )


def _location(page: URL) -> dict[str, Value]:
    """`window.location`, which some configurations put their addresses together from."""
    host, name = page.host_port_subcomponent or "", page.host_subcomponent or ""
    return {
        "protocol": f"{page.scheme}:",
        "host": host,
        "hostname": name,
        "port": host.removeprefix(name).removeprefix(":"),
        "origin": f"{page.scheme}://{host}",
        "pathname": page.path,
    }


def _domain(hosts: Value | None, name: str, otherwise: str) -> str:
    value = hosts.get(name) if isinstance(hosts, dict) else None
    if not isinstance(value, str) or not value:
        return otherwise
    # Room for a whole address such as focus@auth.example.com, none for what would end an attribute.
    if len(value) > _DOMAIN_LONGEST or not all(each.isalnum() or each in ".-_@:[]" for each in value):
        raise UselessConfig(f"hosts.{name} is no domain")
    return value


def _address(config: Mapping[str, Value], name: str, page: URL, usual: str, guessed: list[str]) -> URL | None:
    value = config.get(name)
    if value is None or value == "" or value is False:
        return None
    if not isinstance(value, str):
        guessed.append(name)
        value = usual
    schemes = _BOSH if name == "bosh" else _WEBSOCKET
    scheme = schemes[page.scheme == "https"]
    try:
        # A path has no scheme of its own, and that of the page is never one of a websocket.
        url = page.join(URL(value)) if "://" not in value else URL(value)
        url = url.with_scheme(scheme) if "://" not in value else url
    except ValueError:
        url = URL()
    if url.scheme not in schemes or not url.host:
        raise UselessConfig(f"{name} is no address that begins with {schemes[1]}://")
    return url
