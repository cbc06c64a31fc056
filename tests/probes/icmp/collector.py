"""Everything a pinger said so far, and a responder that answers as no honest host would."""

import socket
import struct
import threading
from collections.abc import Callable
from ipaddress import ip_address

import numpy as np

from probes.icmp import IcmpError, Outcome, Pinger, Verdict
from probes.icmp.packet import checksums, word_sum

IP_PKTINFO = 8


class Collector:
    def __init__(self, pinger: Pinger) -> None:
        self._pinger = pinger
        self.row = np.zeros(0, np.int32)
        self.outcome = np.zeros(0, np.uint8)
        self.rtt_s = np.zeros(0)
        self.verdicts: list[Verdict] = []
        self.errors: list[IcmpError] = []

    def collect(self) -> "Collector":
        part = self._pinger.drain()
        self.row = np.concatenate([self.row, part.row])
        self.outcome = np.concatenate([self.outcome, part.outcome])
        self.rtt_s = np.concatenate([self.rtt_s, part.rtt_s])
        self.verdicts += part.verdicts
        self.errors += part.errors
        return self

    def count(self, outcome: Outcome, key: str | None = None) -> int:
        self.collect()
        here = self.row == self._pinger.rows[key] if key else True
        return int(((self.outcome == outcome) & here).sum())

    def fallen(self) -> list[Verdict]:
        return [verdict for verdict in self.collect().verdicts if not verdict.up]


Answers = Callable[[bytes], list[bytes]]
"""ICMP echo request -> the ICMP packets that answer it."""


class Responder(threading.Thread):
    """Answers echo requests in the calling thread's namespace in place of the kernel, as `answers` says."""

    def __init__(self, answers: Answers) -> None:
        super().__init__(daemon=True)
        self._answers = answers
        self._closing = threading.Event()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self._socket.settimeout(0.05)
        self.start()

    def run(self) -> None:
        while not self._closing.is_set():
            try:
                packet, (sender, _) = self._socket.recvfrom(2048)
            except TimeoutError:
                continue
            if packet[20] == 8:
                for answer in self._answers(packet[20:]):
                    source = struct.pack("I4s4s", 0, packet[16:20], bytes(4))
                    self._socket.sendmsg([answer], [(socket.IPPROTO_IP, IP_PKTINFO, source)], 0, (sender, 0))

    def close(self) -> None:
        self._closing.set()
        self.join()
        self._socket.close()


def reply(request: bytes, at: int | None = None, flip: int = 0xFF) -> bytes:
    """The echo reply to `request`, with the byte `at` turned to something else."""
    changed = bytearray(request)
    changed[0] = 0
    if at is not None:
        changed[at] ^= flip
    changed[2:4] = bytes(2)
    sums = np.array([word_sum(np.frombuffer(bytes(changed), np.uint8))])
    changed[2:4] = int(checksums(sums)[0]).to_bytes(2, "big")
    return bytes(changed)


def plus(address: str, offset: int) -> str:
    return str(ip_address(address) + offset)
