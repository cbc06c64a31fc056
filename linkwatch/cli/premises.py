"""What an inventory needs of this machine: its port, its store, its names."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

from linkwatch.cli.finding import Finding
from linkwatch.cli.holder import Holder, find_holder
from linkwatch.cli.pingways import examine_ways
from linkwatch.config.load import load
from linkwatch.config.problems import ConfigErrors
from linkwatch.config.rulefile import load_rules
from linkwatch.config.settings import Config, ServerSettings, TrapSettings
from linkwatch.core.inventory import Inventory
from linkwatch.flow.measure import host_of, literal_address
from linkwatch.store.inspection import database_file, inspect_store
from linkwatch.web.server import listen
from probes.resolve import ResolveError, resolve
from probes.sample import Reason, Target
from probes.snmp.traps import engine_id, open_socket

SPACE_WANTED_BYTES = 200 * 1024 * 1024
FILES_OF_ITS_OWN = 1024
"""Connections, store, pages and resolvers."""

SHOWN_MAX = 5
LOOKUP_DEADLINE_S = 5.0
ANSWER_DEADLINE_S = 3.0


def read_inventory(file: Path) -> tuple[Config | None, Finding]:
    """The configuration, if it can be used, and whether it can."""
    try:
        config = load(file)
        load_rules(config.rule_files)
    except ConfigErrors as errors:
        first, *others = errors.problems
        text = f"{first}" + (f" (and {len(others)} more)" if others else "")
        return None, Finding("inventory", False, text, f"linkwatch check {file}")
    return config, Finding("inventory", True, f"{len(config.inventory.targets):,} targets")


def files_wanted(config: Config) -> int:
    """How many files may be open at once: two for each probe that is not ICMP."""
    probes = sum(
        spec.type != "icmp" for target in config.inventory.targets.values() for spec in target.probes
    )
    return FILES_OF_ITS_OWN + 2 * probes


def examine_premises(config: Config) -> Iterator[Finding]:
    """Look at everything; nothing is changed."""
    yield _port(config.server)
    if config.server.traps is not None:
        yield _trap_port(config.server, config.server.traps, engine_id(config.instance))
    yield from _store(config.store_url)
    yield from asyncio.run(_names(config.inventory))
    yield from examine_ways(config.inventory)


def _port(server: ServerSettings) -> Finding:
    where = f"{server.host} port {server.port}"
    try:
        listen(server).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return _who_listens(server, where)
        return Finding("port", False, str(error.strerror), _mend_port(error.errno, server))
    return Finding("port", True, f"{where} is free")


def _trap_port(server: ServerSettings, traps: TrapSettings, engine: bytes) -> Finding:
    where = f"{traps.host} UDP port {traps.port}"
    try:
        open_socket(traps.host, traps.port).close()
    except OSError as error:
        if _health(server) is not None:
            return Finding("trap port", True, f"{where} is held, and LinkWatch is running")
        mend = f"sudo ss -lunp 'sport = :{traps.port}'   # then end that program, or change server.traps"
        return Finding("trap port", False, str(error), mend)
    return Finding("trap port", True, f"{where} is free; our SNMPv3 engine ID is 0x{engine.hex()}")


def _mend_port(number: int | None, server: ServerSettings) -> str:
    if number == errno.EACCES:
        return f"sudo sysctl -w net.ipv4.ip_unprivileged_port_start={server.port}"
    return "ip -brief address   # then write one of these in server.listen"


def _who_listens(server: ServerSettings, where: str) -> Finding:
    holder = find_holder(server.host, server.port)
    status = _health(server)
    if status == 200:
        return Finding("service", True, f"LinkWatch listens on {where} and is well")
    if status == 503:
        text = f"LinkWatch listens on {where} and is not well: it cannot measure, judge or store"
        mend = "journalctl -u linkwatch -n 50; sudo systemctl restart linkwatch"
        return Finding("service", False, text, mend)
    name = f"{holder.name} (process {holder.pid})" if holder else "another program"
    return Finding("port", False, f"{where} is held by {name}", _mend_holder(holder, server.port))


def _mend_holder(holder: Holder | None, port: int) -> str:
    if holder is None:
        return f"sudo ss -ltnp 'sport = :{port}'   # then end that program, or change server.listen"
    return f"sudo kill {holder.pid}   # or choose another port in server.listen"


def _health(server: ServerSettings) -> int | None:
    """The status of LinkWatch's own /healthz; None: nothing that answers like it."""
    host = f"[{server.host}]" if ":" in server.host else server.host
    url = f"{'https' if server.tls else 'http'}://{host}:{server.port}/healthz"
    context = ssl._create_unverified_context()  # our own address: the name in the certificate is another
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    try:
        with opener.open(url, timeout=ANSWER_DEADLINE_S) as answer:
            return int(answer.status) if not answer.read(1) else None
    except urllib.error.HTTPError as error:
        return error.code if not error.read(1) else None
    except (OSError, ValueError):
        return None


def _store(url: str) -> Iterator[Finding]:
    file = database_file(url)
    if file is not None:
        yield _folder(file)
        if not file.parent.is_dir():
            return
        yield _space(file.parent)
    wrong = inspect_store(url)
    mend = "" if wrong is None else f"mv {file} {file}.damaged   # after copying it; then restore a backup"
    if wrong is not None and (file is None or "damaged" not in wrong):
        mend = "make the store reachable, then run the doctor again"
    yield Finding("store", wrong is None, wrong or "the store is whole", mend)


def _folder(file: Path) -> Finding:
    """Whether the user that runs the doctor may write the file and its folder (SQLite writes beside it)."""
    folder, user = file.parent, os.geteuid()
    if not folder.is_dir():
        return Finding("store file", False, f"there is no folder {folder}", f"sudo mkdir -p {folder}")
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        mend = f"sudo mount -o remount,rw $(findmnt --noheadings --output TARGET --target {folder})"
        return Finding("store file", False, f"{folder} lies on a file system that is read-only", mend)
    refused = [path for path in (folder, file) if path.exists() and not os.access(path, os.W_OK)]
    if refused:
        mend = f"sudo chown -R {user} {folder}, or run the doctor as the user that runs LinkWatch"
        return Finding("store file", False, f"{refused[0]} may not be written by user {user}", mend)
    return Finding("store file", True, f"{file} may be written")


def _space(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    text = f"{free / 1e6:,.0f} MB are free below {folder}"
    enough = free >= SPACE_WANTED_BYTES
    return Finding("disk", enough, text, "" if enough else f"sudo du -xh {folder} | sort -h | tail")


async def _names(inventory: Inventory) -> list[Finding]:
    named = {
        target.id: host_of(target.address)
        for target in inventory.targets.values()
        if target.probes and literal_address(target) is None
    }
    if not named:
        return []
    allows = inventory.scope.allows
    found = await asyncio.gather(*(_look_up(Target(i, name, allows), name) for i, name in named.items()))
    reasons = dict(zip(named.values(), found, strict=True))
    return [
        _told("names", reasons, Reason.RESOLVE, "resolve", "do not resolve"),
        _told("scope", reasons, Reason.PERMISSION, "lead into the scope", "lead outside the scope"),
    ]


async def _look_up(target: Target, name: str) -> Reason | None:
    try:
        async with asyncio.timeout(LOOKUP_DEADLINE_S):
            await resolve(target, name)
    except ResolveError as error:
        return error.reason
    except TimeoutError:
        return Reason.RESOLVE
    return None


def _told(title: str, reasons: Mapping[str, Reason | None], reason: Reason, good: str, bad: str) -> Finding:
    names = [name for name, why in reasons.items() if why is reason]
    if not names:
        return Finding(title, True, f"all names {good}")
    more = f" and {len(names) - SHOWN_MAX} more" if len(names) > SHOWN_MAX else ""
    text = f"{', '.join(names[:SHOWN_MAX])}{more} {bad}: not measured, hence unknown"
    return Finding(title, False, text, f"getent ahosts {names[0]}   # then mend DNS, or the inventory")
