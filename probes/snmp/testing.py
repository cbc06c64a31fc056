"""SNMP peers for tests and demonstrations: Debian's snmpd, and an agent whose rows a test moves.

`snmpd()` is a real agent. `Agent` answers v1 and v2c from a dictionary that may change between two
requests; a subclass overrides one method to misbehave the way real devices do. The codec is pysnmp.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
import time
from bisect import bisect_right
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto import api

V1 = api.PROTOCOL_MODULES[api.SNMP_VERSION_1]
V2C = api.PROTOCOL_MODULES[api.SNMP_VERSION_2C]
TOO_BIG, NO_SUCH_NAME = 1, 2

Value = Any
"""An ASN.1 value of pysnmp, made by one of the functions below."""
OID = tuple[int, ...]
Row = tuple[OID, Value]

integer, counter32, counter64 = V2C.Integer, V2C.Counter32, V2C.Counter64
gauge, timeticks, text = V2C.Gauge32, V2C.TimeTicks, V2C.OctetString


def parse_oid(oid: str) -> OID:
    """`1.3.6` as numbers, in which order they compare as SNMP orders them."""
    return tuple(int(part) for part in oid.split("."))


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it arrived."""

    kind: Literal["get", "getnext", "getbulk"]
    oids: tuple[OID, ...]
    max_repetitions: int = 0


@dataclass
class Agent(asyncio.DatagramProtocol):
    """An SNMP v1/v2c agent over `rows`, which may be changed at any time.

    `max_varbinds`: a GET that asks for more is answered with tooBig. `silent`: nothing is answered.
    `requests` keeps what was asked.
    """

    rows: dict[str, Value]
    community: str = "public"
    max_varbinds: int = 1000
    silent: bool = False
    requests: list[Request] = field(default_factory=list)
    port: int = 0
    _transport: asyncio.DatagramTransport | None = field(default=None, repr=False)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the socket."""
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        """Answer one request; one with another community is not answered, as RFC 3584 wants."""
        codec = api.PROTOCOL_MODULES[api.decodeMessageVersion(data)]
        message, _ = decoder.decode(data, asn1Spec=codec.Message())
        if bytes(codec.apiMessage.get_community(message)) != self.community.encode():
            return
        request = _parse(codec, codec.apiMessage.get_pdu(message))
        self.requests.append(request)
        if not self.silent:
            self.reply(encoder.encode(self._respond(codec, message, request)), addr)

    def reply(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        """Send the answer; a subclass may delay, corrupt, repeat or swallow it."""
        assert self._transport is not None
        self._transport.sendto(data, addr)

    def next_row(self, oid: OID) -> Row | None:
        """The first row behind `oid`; a subclass may break the order."""
        ordered = self._ordered()
        place = bisect_right(ordered, oid, key=lambda row: row[0])
        return ordered[place] if place < len(ordered) else None

    def answer(self, request: Request) -> Sequence[Row]:
        """The rows that answer a request."""
        if request.kind == "get":
            return [(oid, self.rows.get(_dotted(oid), V2C.NoSuchInstance(""))) for oid in request.oids]
        steps = request.max_repetitions if request.kind == "getbulk" else 1
        return [row for oid in request.oids for row in self._after(oid, steps)]

    def _after(self, oid: OID, steps: int) -> Iterator[Row]:
        for _ in range(steps):
            row = self.next_row(oid)
            if row is None:
                yield oid, V2C.EndOfMibView("")
                return
            yield row
            oid = row[0]

    def _ordered(self) -> list[Row]:
        return sorted(((parse_oid(oid), value) for oid, value in self.rows.items()), key=lambda row: row[0])

    def _respond(self, codec: Any, message: Any, request: Request) -> Any:
        response = codec.apiMessage.get_response(message)
        pdu = codec.apiMessage.get_pdu(response)
        rows = self.answer(request)
        error = self._error(codec, request, rows)
        if error:
            codec.apiPDU.set_error_status(pdu, error)
            codec.apiPDU.set_error_index(pdu, 1)
            rows = [(oid, codec.Null("")) for oid in request.oids] if error == NO_SUCH_NAME else []
        codec.apiPDU.set_varbinds(pdu, rows)
        return response

    def _error(self, codec: Any, request: Request, rows: Sequence[Row]) -> int:
        if request.kind == "get" and len(request.oids) > self.max_varbinds:
            return TOO_BIG
        missing = any(isinstance(value, V2C.NoSuchInstance | V2C.EndOfMibView) for _, value in rows)
        return NO_SUCH_NAME if missing and codec is V1 else 0


def _parse(codec: Any, pdu: Any) -> Request:
    if pdu.isSameTypeWith(V2C.GetBulkRequestPDU()):
        oids = tuple(tuple(oid) for oid, _ in V2C.apiBulkPDU.get_varbinds(pdu))
        return Request("getbulk", oids, int(V2C.apiBulkPDU.get_max_repetitions(pdu)))
    oids = tuple(tuple(oid) for oid, _ in codec.apiPDU.get_varbinds(pdu))
    return Request("getnext" if pdu.isSameTypeWith(codec.GetNextRequestPDU()) else "get", oids)


def _dotted(oid: OID) -> str:
    return ".".join(map(str, oid))


@asynccontextmanager
async def serve(agent: Agent, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Agent]:
    """Serve `agent` on a UDP port (one that is free, left to itself); `agent.port` says which."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: agent, local_addr=(host, port))
    try:
        yield agent
    finally:
        transport.close()
        await asyncio.sleep(0)  # the socket itself is closed in the loop's next turn


def interface_rows(index: int, name: str, **columns: Value) -> dict[str, Value]:
    """Rows of one interface that is up: identity, states, and `columns` by their MIB names."""
    from probes.snmp import mib

    rows = {
        mib.IF_INDEX: integer(index),
        mib.IF_DESCR: text(name),
        mib.IF_TYPE: integer(6),
        mib.IF_ADMIN_STATUS: integer(1),
        mib.IF_OPER_STATUS: integer(1),
        mib.IF_NAME: text(name),
        **{getattr(mib, column): value for column, value in columns.items()},
    }
    return {f"{column}.{index}": value for column, value in rows.items() if value is not None}


SNMPD_MISSING = "needs snmpd: apt-get install snmpd"
"""Why a test that needs snmpd is skipped where there is none."""


def has_snmpd() -> bool:
    """Whether Debian's snmpd is installed."""
    return _snmpd_path() is not None


def _snmpd_path() -> str | None:
    return shutil.which("snmpd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def free_udp_port(host: str = "127.0.0.1") -> int:
    """A UDP port that nobody listens on at this moment."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


@contextmanager
def snmpd(
    config: Sequence[str] = ("rocommunity public",), host: str = "127.0.0.1", port: int = 0
) -> Iterator[int]:
    """Run a real snmpd of our own on a high UDP port; yields the port.

    `config`: lines of snmpd.conf (communities, users). Raises RuntimeError when it is not installed
    or does not start.
    """
    path = _snmpd_path()
    if path is None:
        raise RuntimeError(SNMPD_MISSING)
    port = port or free_udp_port(host)
    with tempfile.TemporaryDirectory(prefix="snmpd-") as folder:
        process = _start_snmpd(path, Path(folder), [_listen(host, port), *config])
        try:
            yield port
        finally:
            process.terminate()
            process.wait(timeout=5)


def _listen(host: str, port: int) -> str:
    return f"agentaddress udp6:[{host}]:{port}" if ":" in host else f"agentaddress udp:{host}:{port}"


def _start_snmpd(path: str, folder: Path, config: Sequence[str]) -> subprocess.Popen[bytes]:
    (folder / "snmpd.conf").write_text("\n".join(config) + "\n")
    log = folder / "log"
    command = [path, "-f", "-C", "-c", str(folder / "snmpd.conf"), "-Lf", str(log), "-p", str(folder / "pid")]
    environment: Mapping[str, str] = {
        **os.environ,
        "MIBS": "",  # without MIB files it would fill the log with complaints
        "SNMP_PERSISTENT_DIR": str(folder / "persistent"),
    }
    process = subprocess.Popen([*command, "-x", f"unix:{folder}/agentx"], env=environment)
    _await_start(process, log)
    return process


def _await_start(process: subprocess.Popen[bytes], log: Path) -> None:
    give_up_at = time.monotonic() + 10.0
    while not (log.exists() and "NET-SNMP version" in log.read_text(errors="replace")):
        if process.poll() is not None or time.monotonic() > give_up_at:
            process.kill()
            process.wait()
            text_of_log = log.read_text(errors="replace") if log.exists() else ""
            raise RuntimeError(f"snmpd did not start: {text_of_log.strip()[-300:]}")
        time.sleep(0.02)
