"""Takes in the bytes of an answer, such that the verdict does not hang on how they were cut into packets."""

from __future__ import annotations

import asyncio
import re

from aiohttp import ClientPayloadError
from aiohttp.client_proto import ResponseHandler
from aiohttp.helpers import set_exception
from aiohttp.http import RawResponseMessage
from aiohttp.streams import StreamReader

from probes.phases import Phases

_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_LONGEST_END = 4
_SWITCHING_PROTOCOLS, _FIRST_FINAL = 101, 200


class Receiver(ResponseHandler):
    """Notes when the first byte arrives, before the head is complete, and has head and body parsed apart.

    aiohttp's parser drops what it has understood of a packet when it stumbles later in it: a body longer than
    its Content-Length (browsers and curl leave the rest alone) would fail the page if it came together with
    the head. A failure in the body itself is told to whoever reads the body, which aiohttp does not do.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, phases: Phases) -> None:
        super().__init__(loop)
        self._phases = phases
        self._in_heads = True
        self._last_bytes = b""

    def feed_data(self, data: tuple[RawResponseMessage, StreamReader], size: int = 0) -> None:
        """A head is complete. Behind one that only announces another (103) comes one more."""
        code = data[0].code
        self._in_heads = code < _FIRST_FINAL and code != _SWITCHING_PROTOCOLS
        super().feed_data(data, size)

    def data_received(self, data: bytes) -> None:
        """Some bytes of the answer, decrypted."""
        if self._phases.current == "first_byte":
            self._phases.enter("transfer")
        while self._in_heads and (place := self._end_of_head(data)):
            super().data_received(data[:place])
            data = data[place:]
            if not data or self._exception is not None:
                return
        super().data_received(data)
        self._fail_body()

    def _end_of_head(self, data: bytes) -> int:
        """How many of these bytes belong to the head that ends in them; 0 if none does."""
        before = self._last_bytes
        found = _END_OF_HEAD.search(before + data)
        self._last_bytes = b"" if found else (before + data)[1 - _LONGEST_END :]
        return found.end() - len(before) if found else 0

    def _fail_body(self) -> None:
        body = self._payload
        if self._exception is None or body is None or body.is_eof() or body.exception() is not None:
            return
        set_exception(body, ClientPayloadError("the body is badly packed"), self._exception)
