"""sendmmsg(2) and recvmmsg(2) over memory that numpy owns.

The calls go through `ctypes.PyDLL`, which keeps the interpreter lock: they never block, take some
hundred microseconds at most, and getting the lock back beside a busy event loop would cost more than
the call and spoil the send times. Hence also the small batches.
"""

from __future__ import annotations

import ctypes
import errno
import socket
from typing import Any

import numpy as np
from numpy.typing import NDArray

from probes.icmp.columns import Addresses, Floats, Integers, Mask
from probes.icmp.packet import CAPTURE_BYTES, HEADER, Bytes, Headers

CALL = 64
"""Most packets in a system call."""
SEND_BATCH, RECEIVE_BATCH = 256, 448
"""Packets handled together: what numpy costs is by batch, not by packet. Above 500 elements it lets go of the
interpreter lock, and beside a busy thread it is long until it has it back."""
NAME = np.dtype(
    {
        "names": ["family", "v4", "v6_high", "v6_low", "scope"],
        "formats": ["u2", ">u4", ">u8", ">u8", "u4"],
        "offsets": [0, 4, 8, 16, 24],
        "itemsize": 28,
    }
)
"""struct sockaddr_in and sockaddr_in6 of Linux, one over the other."""
NAME_BYTES = np.dtype(f"V{NAME.itemsize}")
"""The same without fields: ten times as fast to copy."""
Names = NDArray[Any]
"""Column of `NAME_BYTES`."""

_MESSAGE = np.dtype(
    {
        "names": ["name", "namelen", "iov", "iovlen", "control", "controllen", "flags", "length"],
        "formats": ["u8", "u4", "u8", "u8", "u8", "u8", "i4", "u4"],
        "offsets": [0, 8, 16, 24, 32, 40, 48, 56],
        "itemsize": 64,
    }
)
"""struct mmsghdr of 64-bit Linux."""
_VECTOR = np.dtype([("base", "u8"), ("length", "u8")])
_STAMP = [("length", "u8"), ("level", "i4"), ("type", "i4"), ("seconds", "i8"), ("nanoseconds", "i8")]
_TTL = [("ttl_length", "u8"), ("ttl_level", "i4"), ("ttl_type", "i4"), ("ttl", "i4"), ("padding", "i4")]
_CONTROL = {False: np.dtype(_STAMP), True: np.dtype(_STAMP + _TTL)}
"""struct cmsghdr followed by struct timespec; and where it was asked for, another one with the TTL behind."""

SO_TIMESTAMPNS = 35
_FULL = (errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM)
"""The socket or the device is full: the rest of the batch would meet the same."""


_BELIEVED_AFTER = 3
"""Failures in a row after which a packet could really not be sent."""


def _function(name: str, *arguments: Any) -> Any:
    function = getattr(ctypes.PyDLL(None, use_errno=True), name)
    function.argtypes = arguments
    function.restype = ctypes.c_int
    return function


_sendmmsg = _function("sendmmsg", ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)
_recvmmsg = _function("recvmmsg", ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)


def _messages(data: Bytes, names: Names) -> tuple[NDArray[Any], NDArray[Any]]:
    vectors = np.zeros(len(data), dtype=_VECTOR)
    vectors["base"] = _addresses(data)
    vectors["length"] = data.shape[1]
    messages = np.zeros(len(data), dtype=_MESSAGE)
    messages["name"] = _addresses(names)
    messages["iov"] = _addresses(vectors)
    messages["iovlen"] = 1
    return messages, vectors


def _addresses(memory: NDArray[Any]) -> NDArray[np.uint64]:
    return (memory.ctypes.data + np.arange(len(memory)) * memory.strides[0]).astype(np.uint64)


class SendBatch:
    """Up to SEND_BATCH packets of at most `packet_bytes`. Fill `headers`, `names` and `lengths`, then send.

    `tail` is what follows the header in every packet.
    """

    def __init__(self, packet_bytes: int, tail: Bytes, name_bytes: int) -> None:
        self._data = np.zeros((SEND_BATCH, packet_bytes), dtype=np.uint8)
        self._data[:, HEADER.itemsize : HEADER.itemsize + len(tail)] = tail
        self.headers: Headers = np.ndarray(
            SEND_BATCH, dtype=HEADER, buffer=self._data.data, strides=(self._data.strides[0],)
        )
        self.names: Names = np.zeros(SEND_BATCH, dtype=NAME_BYTES)
        self._messages, self._vectors = _messages(self._data, self.names)
        self._messages["namelen"] = name_bytes
        self._place = self._messages.ctypes.data
        self.lengths: NDArray[np.uint64] = self._vectors["length"]

    def send(self, fd: int, start: int, stop: int, errors: Integers) -> None:
        """Send the packets from `start` to `stop`, at most CALL. `errors`, by packet, gets the errno of those
        that did not go out. Never blocks."""
        done = start
        while done < stop:
            sent, code = self._call(fd, done, stop)
            if sent > 0:
                done += sent
                continue
            errors[done] = code
            if code in _FULL:
                errors[done:stop] = code
                break
            done += 1

    def _call(self, fd: int, start: int, stop: int) -> tuple[int, int]:
        """How many packets went out; if none, why.

        An ICMP error that came for one target makes the next call on a datagram socket fail, whoever that
        is for, once; so a failure is believed when it comes again.
        """
        place = self._place + start * _MESSAGE.itemsize
        for _ in range(_BELIEVED_AFTER):
            sent: int = _sendmmsg(fd, place, stop - start, socket.MSG_DONTWAIT)
            if sent > 0:
                return sent, 0
            code = ctypes.get_errno()
            if code in _FULL:
                break
        return 0, code


class ReceiveBatch:
    """Up to RECEIVE_BATCH packets, of each the first bytes, the sender and the kernel's time of arrival.

    `with_ttl`: the socket also tells the TTL of each.
    """

    def __init__(self, *, with_ttl: bool) -> None:
        self.data = np.zeros((RECEIVE_BATCH, CAPTURE_BYTES), dtype=np.uint8)
        self._names = np.zeros(RECEIVE_BATCH, dtype=NAME)
        self._control = np.zeros(RECEIVE_BATCH, dtype=_CONTROL[with_ttl])
        self._messages, _vectors = _messages(self.data, self._names)
        self._vectors = _vectors  # the kernel reads it through an address only: keep it alive
        self._place = self._messages.ctypes.data
        self._messages["namelen"] = NAME.itemsize
        self._messages["control"] = _addresses(self._control)
        self._messages["controllen"] = self._control.itemsize
        self._with_ttl = with_ttl

    def _is_stamped(self, count: int) -> Mask:
        """Which packets came with a time of arrival.

        Over the size of our buffer the kernel has written how much it needed: the whole where there is a
        time, so the buffer is as it was and serves the next packet, too.
        """
        sizes = self._messages["controllen"][:count]
        stamped: Mask = sizes == self._control.itemsize
        if not stamped.all():
            sizes[~stamped] = self._control.itemsize
        return stamped

    def receive(self, fd: int) -> int:
        """Read what is there, up to RECEIVE_BATCH; how many packets came.

        A datagram socket reports an ICMP error once in place of its packets, so an error is tried again.
        """
        count = 0
        for _ in range(RECEIVE_BATCH // CALL):
            received = self._call(fd, count)
            count += received
            if received < CALL:
                break
        return count

    def _call(self, fd: int, start: int) -> int:
        place = self._place + start * _MESSAGE.itemsize
        received: int = _recvmmsg(fd, place, CALL, socket.MSG_DONTWAIT, None)
        if received < 0 and ctypes.get_errno() != errno.EAGAIN:
            received = _recvmmsg(fd, place, CALL, socket.MSG_DONTWAIT, None)
        return max(received, 0)

    def sources(self, count: int, version: int) -> Addresses:
        """Who sent each of the first `count` packets."""
        names = self._names[:count]
        if version == 4:
            return Addresses(np.zeros(count, np.uint64), names["v4"].astype(np.uint64))
        return Addresses(names["v6_high"].astype(np.uint64), names["v6_low"].astype(np.uint64))

    def lengths(self, count: int) -> Integers:
        """Bytes read of each of the first `count` packets."""
        return self._messages["length"][:count].astype(np.int64)

    def arrivals(self, count: int, epoch_s: int) -> Floats:
        """Wall-clock arrival of each packet in seconds since `epoch_s`; nan where the kernel gave none.
        Ask once: the next packets are received over these."""
        control = self._control[:count]
        seconds = (control["seconds"] - epoch_s) + control["nanoseconds"] * 1e-9
        stamped = self._is_stamped(count)
        if self._with_ttl:
            control["ttl"][~stamped] = 0
        return np.where(stamped, seconds, np.nan)

    def ttls(self, count: int) -> Bytes:
        """The TTL of each packet, 0 where the kernel gave none. Ask after `arrivals`."""
        return self._control["ttl"][:count].astype(np.uint8)
