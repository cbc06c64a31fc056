"""Where a request comes from: the client's address behind trusted proxies, and by which name it came.

What a request may do without a key rests on its address alone, so this trusts nothing that a stranger
can write: forwarding headers count only from a trusted proxy, and a name that is not LinkWatch's own
(DNS rebinding makes a browser on this machine speak for a foreign page) takes the local rights away.
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

_FORWARDING_HEADERS = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")


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
    speaks_for_itself = not any(header in headers for header in _FORWARDING_HEADERS)
    return Peer(address, address.is_loopback and speaks_for_itself, secure)


def check_host(host: str, settings: ServerSettings) -> None:
    """Refuse a name that is not this server's; addresses cannot be rebound and are let through."""
    name = _host_name(host)
    known = {"localhost", settings.host, urlsplit(settings.public_url).hostname}
    if name not in known and not _is_address(name):
        raise Problem(HTTPStatus.MISDIRECTED_REQUEST, "This server does not answer to that host name.")


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


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
