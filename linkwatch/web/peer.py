"""Where a request comes from: the client's address behind trusted proxies, and by which name it came.

What a request may do without a key rests on its address alone, so this trusts nothing that a stranger
can write: forwarding headers count only from a trusted proxy, and a name that is not this machine's own
(DNS rebinding makes a browser on this machine speak for a foreign page) takes the local rights away. A
proxy on this machine that nobody named as trusted would lend its own address to the whole world: every
sign of one takes these rights away as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from linkwatch.config.settings import ServerSettings
from linkwatch.web.problem import Problem, bad_request

Address = IPv4Address | IPv6Address

_FORWARDING_HEADERS = (
    *("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Server"),
    *("X-Real-IP", "X-Client-IP"),
)
"""What a proxy adds; a browser, curl or Prometheus on this machine sends none of them."""


@dataclass(frozen=True, slots=True)
class Peer:
    """`address`: of the client. `is_local`: it runs on this machine and speaks for itself.

    `is_encrypted`: its traffic is, by us or by a trusted proxy.
    """

    address: Address
    is_local: bool
    is_encrypted: bool


def find_peer(remote: str, headers: Mapping[str, str], secure: bool, settings: ServerSettings) -> Peer:
    """The client behind a connection from `remote`; refuses plain HTTP where it is not allowed."""
    address = _parse(remote)
    if any(address in network for network in settings.trusted_proxy):
        return Peer(_forwarded_for(address, headers, settings), is_local=False, is_encrypted=True)
    is_plain_allowed = address.is_loopback or any(address in network for network in settings.plain)
    if not secure and not is_plain_allowed:
        raise Problem(HTTPStatus.FORBIDDEN, "Plain HTTP is not accepted from your address; use https.")
    is_forwarded = any(header in headers for header in _FORWARDING_HEADERS)
    is_local = address.is_loopback and not is_forwarded and not _is_behind_a_proxy(settings)
    return Peer(address, is_local, secure)


def speaks_for_many(remote: str, settings: ServerSettings) -> bool:
    """Whether connections from there may be everybody's: a trusted proxy's, or those of this machine."""
    address = _parse(remote)
    return address.is_loopback or any(address in network for network in settings.trusted_proxy)


def check_host(host: str) -> None:
    """Refuse a name, or an address, by which nobody on this machine calls it."""
    name = _host_name(host)
    if name != "localhost" and not _is_loopback(name):
        detail = "Without a key this server answers only to localhost and loopback addresses."
        raise Problem(HTTPStatus.MISDIRECTED_REQUEST, detail)


def same_origin(headers: Mapping[str, str]) -> bool:
    """Whether a browser sent this from one of our own pages (other programs send no Origin)."""
    origin = headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == headers.get("Host")


def _forwarded_for(proxy: Address, headers: Mapping[str, str], settings: ServerSettings) -> Address:
    """The rightmost address that is not a trusted proxy: what stands left of it anybody can write."""
    hops = [hop.strip() for hop in headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    for hop in reversed(hops):
        address = _parse(hop)
        if not any(address in network for network in settings.trusted_proxy):
            return address
    return proxy


def _parse(text: str) -> Address:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        raise bad_request("The client's address cannot be read.") from None
    return getattr(address, "ipv4_mapped", None) or address


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_behind_a_proxy(settings: ServerSettings) -> bool:
    """Whether the world sees us under another name although we listen on this machine alone."""
    public = urlsplit(settings.public_url).hostname
    is_public = public is not None and public != "localhost" and not _is_loopback(public)
    return is_public and _is_loopback(settings.host)


def _is_loopback(name: str) -> bool:
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
