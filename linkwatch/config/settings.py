"""What an inventory file says beside the inventory: where to listen, what to store, how to send."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from linkwatch.core.inventory import Inventory, IPNetwork

DEFAULT_STORE = "linkwatch.db"
"""Beside the inventory; without one, in the folder in which LinkWatch is started."""


@dataclass(frozen=True, slots=True)
class TLSFiles:
    """Paths of the server's certificate chain and private key, both PEM."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class TrapSettings:
    """Where SNMP traps and informs come to (UDP)."""

    host: str = "0.0.0.0"
    port: int = 1162


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where the web server listens and who is trusted beyond loopback. `traps`: None receives none."""

    host: str = "127.0.0.1"
    port: int = 8080
    public_url: str = ""
    tls: TLSFiles | None = None
    trusted_proxy: tuple[IPNetwork, ...] = ()
    plain: tuple[IPNetwork, ...] = ()
    traps: TrapSettings | None = None


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """How addresses of one channel name are turned into an apprise URL.

    `url` is a template with `{to}` (for SMS gateways, where a contact gives only a phone number);
    empty: the contact's address is itself an apprise URL. `deadline_s` is hard.
    """

    url: str = field(default="", repr=False)
    deadline_s: float = 10.0
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Config:
    """One checked configuration. `sources`: the files it was read from."""

    inventory: Inventory
    server: ServerSettings = ServerSettings()
    store_url: str = field(default=f"sqlite:///{DEFAULT_STORE}", repr=False)
    rule_files: tuple[Path, ...] = ()
    channels: Mapping[str, ChannelSettings] = field(default_factory=dict)
    language: str = "vi"
    instance: str = "linkwatch"
    sources: tuple[Path, ...] = ()
