"""Addresses of targets: an IP address, a DNS name, either with a port, or a URL."""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from linkwatch.config.quantities import integer
from linkwatch.config.secrets import quote
from linkwatch.core.inventory import IPAddress

_NAME = re.compile(
    r"(?=.{1,253}\.?$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
    r"(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?)*\.?"
)
_WITH_PORT = re.compile(r"(?P<host>[^:\[\]]+|\[[^\]]+\]):(?P<port>[0-9]{1,5})")
_SQLITE = "sqlite:///"
_ALLOWED = "allowed: an IP address, a DNS name, host:port, [IPv6]:port, or an http(s) URL"


class Address(NamedTuple):
    """An address taken apart. `ip`: the host as a literal, None when it is a name."""

    host: str
    port: int | None = None
    is_url: bool = False
    ip: IPAddress | None = None


def parse_address(text: str) -> Address:
    """Take an address apart; raises ValueError that says what is allowed."""
    if "://" in text:
        return _parse_url(text)
    match = _WITH_PORT.fullmatch(text)
    if match is None:
        return Address(text, ip=_host(text))
    host = match["host"].strip("[]")
    return Address(host, _port(match["port"]), ip=_host(host))


def _parse_url(text: str) -> Address:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"{quote(text)} is not a URL ({_ALLOWED})") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError(f"a URL must be http:// or https:// with a host ({_ALLOWED})")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a URL must not hold a user or a password")
    return Address(host, port, is_url=True, ip=_host(host))


def _port(text: str) -> int:
    if not 1 <= int(text) <= 65535:
        raise ValueError(f"{quote(text)} is not a port (allowed: 1 to 65535)")
    return int(text)


def _host(text: str) -> IPAddress | None:
    try:
        return _usable(ip_address(text))
    except ValueError as error:
        # Digits and dots alone are meant as an IPv4 address; a resolver would read 10.1 as 10.0.0.1.
        mistyped = re.fullmatch(r"[0-9.]+", text) or ":" in text
        if isinstance(error, _UnusableError) or (not mistyped and _NAME.fullmatch(text)):
            if isinstance(error, _UnusableError):
                raise
            return None
        raise ValueError(f"{quote(text)} is not an address ({_ALLOWED})") from None


class _UnusableError(ValueError):
    """An address that is well-formed but cannot be that of one target."""


def _usable(ip: IPAddress) -> IPAddress:
    if isinstance(ip, IPv6Address) and ip.scope_id is not None:
        raise _UnusableError(f"{quote(ip)} names an interface; addresses of one link only are not supported")
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        raise _UnusableError(f"{quote(ip)} is an IPv4 address in IPv6's form; write {ip.ipv4_mapped}")
    if ip.is_multicast or ip.is_unspecified or str(ip) == "255.255.255.255":
        raise _UnusableError(f"{quote(ip)} is not the address of one machine")
    return ip


def address(text: str) -> str:
    """The address of a target, as it is written."""
    parse_address(text)
    return text


def url(text: str) -> str:
    """An http(s) URL, without a slash at its end."""
    if not parse_address(text).is_url:
        raise ValueError(f"{quote(text)} is not a URL (allowed: http:// or https://)")
    return text.rstrip("/")


def listen(text: str) -> tuple[str, int]:
    """Where a server listens: an address of this machine and a port (0 = a free one)."""
    host, _, port = text.rpartition(":")
    try:
        ip = ip_address("127.0.0.1" if host == "localhost" else host.strip("[]"))
        number = integer(port)
    except ValueError:
        number = -1
    if not 0 <= number <= 65535:
        raise ValueError(
            f"{quote(text)} is not an address and a port (allowed: such as 127.0.0.1:8080, [::1]:8080)"
        )
    return str(ip), number


def store_url(text: str) -> str:
    """Where the store is; never quoted, since it may hold a password."""
    if not (_names_file(text) or _names_database(text)):
        raise ValueError(
            "is not a store (allowed: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE)"
        )
    return text


def anchored(url: str, folder: Path) -> str:
    """The URL of a store, its file below `folder` unless its path is whole already."""
    file = url.removeprefix(_SQLITE)
    if file == url or file.startswith(("/", "file:")):
        return url
    return f"{_SQLITE}{folder.absolute() / file}"


def _names_file(text: str) -> bool:
    file = text.removeprefix(_SQLITE)
    return file not in (text, "", ":memory:")


def _names_database(text: str) -> bool:
    try:
        return text.startswith("postgresql://") and urlsplit(text).port != 0
    except ValueError:
        return False  # the port is no number
