"""The kernel's own view of the pings: what tcpdump captured, with nanosecond timestamps."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.network import Namespace

SNAP_BYTES = 64
BUFFER_KB = 65536
LINK_HEADER_BYTES = {1: 14, 12: 0, 101: 0}
"""By link type of pcap: Ethernet, and bare IP."""

RECORD = np.dtype([("seconds", "<u4"), ("nanoseconds", "<u4"), ("kept", "<u4"), ("length", "<u4")])
ECHO = np.dtype(
    [
        ("ip", "V12"),
        ("source", ">u4"),
        ("destination", ">u4"),
        ("type", "u1"),
        ("code", "u1"),
        ("checksum", ">u2"),
        ("mark", "V12"),
    ]
)
"""An IPv4 header without options and an echo; `mark`: what a reply repeats of its request."""

REPLY, REQUEST = 0, 8


class Capture:
    """A finished capture file of ICMP echoes."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def times_ns(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """When requests and when replies were captured, nanoseconds since the epoch."""
        at_ns, echo = self._read()
        return at_ns[echo["type"] == REQUEST], at_ns[echo["type"] == REPLY]

    def round_trips(self) -> dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Address -> (when each answered request was sent, seconds since the epoch; its round trip in s)."""
        at_ns, echo = self._read()
        asked: dict[tuple[int, bytes], int] = {}
        found: dict[int, list[tuple[float, float]]] = {}
        columns = (
            at_ns.tolist(),
            echo["type"].tolist(),
            echo["source"].tolist(),
            echo["destination"].tolist(),
        )
        for ns, kind, source, destination, mark in zip(*columns, echo["mark"].tolist(), strict=True):
            if kind == REQUEST:
                asked[destination, mark] = ns
            elif kind == REPLY and (source, mark) in asked:
                sent_ns = asked.pop((source, mark))
                found.setdefault(source, []).append((sent_ns / 1e9, (ns - sent_ns) / 1e9))
        return {address: tuple(np.array(pairs).T) for address, pairs in found.items()}

    def _read(self) -> tuple[NDArray[np.int64], NDArray[np.void]]:
        """All packets have the same length, so that the file is one array."""
        raw = self._file.read_bytes()
        link = int.from_bytes(raw[20:24], "little")
        kept = int(np.frombuffer(raw, RECORD, 1, 24)["kept"][0])
        head = LINK_HEADER_BYTES[link]
        rest = kept - head - ECHO.itemsize
        packet = np.dtype([("record", RECORD), ("link", f"V{head}"), ("echo", ECHO), ("rest", f"V{rest}")])
        packets = np.frombuffer(raw, packet, (len(raw) - 24) // packet.itemsize, 24)
        record = packets["record"]
        return record["seconds"].astype(np.int64) * 10**9 + record["nanoseconds"], packets["echo"]


@contextmanager
def capturing(inside: Namespace, interface: str, file: Path) -> Iterator[Capture]:
    """Capture echoes and their replies while the block runs."""
    words = ["-n", "-s", str(SNAP_BYTES), "-B", str(BUFFER_KB), "--time-stamp-precision=nano", "-U"]
    chosen = "icmp[icmptype] == icmp-echo or icmp[icmptype] == icmp-echoreply"
    command = inside.command("tcpdump", "-i", interface, *words, "-w", str(file), "-Z", "root", chosen)
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while "listening on" not in (line := process.stderr.readline()):
        if not line:
            raise RuntimeError("tcpdump did not start")
    try:
        yield Capture(file)
    finally:
        time.sleep(1.0)  # what is captured is handed over within a second
        process.send_signal(signal.SIGINT)
        said = process.communicate()[1]
    if "0 packets dropped by kernel" not in said:
        raise RuntimeError(f"tcpdump lost packets: {said.strip()}")
