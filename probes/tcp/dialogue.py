"""Speaking a script with a peer, line by line."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

from probes.attempt import Attempt
from probes.bytestream import ByteStream, quote
from probes.failure import ProbeError
from probes.pattern import is_found
from probes.sample import Reason
from probes.tcp.script import Expect, Send

MOST_BYTES = 65_536
MOST_LINES = 4096
"""So much of a peer is listened to, over the whole dialogue."""

PROMPT_AFTER_S = 0.2
"""A line without an end is a prompt (`login: `) when nothing follows for so long."""

_SHORT = 2


async def speak(
    stream: ByteStream, script: Sequence[Expect | Send], line_end: bytes, attempt: Attempt
) -> None:
    """Go through the script; raises ProbeError, which names the step that was not fulfilled."""
    ear, mask = _Ear(stream), _Mask()
    for place, step in enumerate(script, 1):
        if isinstance(step, Send):
            attempt.step, attempt.noted = f"step {place} (send)", ""
            mask.add(step.data)
            await stream.write(step.data + line_end)
        else:
            attempt.step = f"step {place} (expect)"
            await _expect(ear, step.pattern, mask, attempt)


async def _expect(ear: _Ear, pattern: str, mask: _Mask, attempt: Attempt) -> None:
    attempt.noted, last = "", ""
    try:
        while (line := await ear.next_line()) is not None:
            if is_found(pattern, line):
                ear.take_prompt()
                last = ""
                return
            last = line if line.strip() else last
    finally:  # also at the deadline; only the last line is worth the time that the mask takes
        attempt.noted = mask.over(last)
    end = "more than enough was said" if ear.is_full else "the peer closed the connection"
    heard = f"; the last line: {attempt.noted}" if attempt.noted else ""
    raise ProbeError(Reason.PROTOCOL, f"{end} before {attempt.step} was fulfilled{heard}")


class _Ear:
    """Cuts a stream into lines."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._heard = bytearray()
        self._total = self._lines = 0
        self._given = 0

    @property
    def is_full(self) -> bool:
        """Whether the peer said more than anybody wants to hear."""
        return self._total >= MOST_BYTES or self._lines >= MOST_LINES

    async def next_line(self) -> str | None:
        """The next line, without its end; None when the peer has ended or said too much.

        A line that does not go on is given as far as it has come, for it may be a prompt. If nobody takes it
        for one (`take_prompt`), it was only held up on its way, and the next call gives more of it.
        """
        if self._lines >= MOST_LINES:
            return None
        while b"\n" not in self._heard:
            more = await self._listen()
            if more is None:
                self._given = len(self._heard)
                return _text(self._heard)
            if not more:
                return self._take(len(self._heard)) if self._heard else None
            self._heard += more
        return self._take(self._heard.index(b"\n") + 1)

    def take_prompt(self) -> None:
        """What was given last is a whole line, though it has no end."""
        self._take(self._given)

    async def _listen(self) -> bytes | None:
        """What comes next, no bytes at the end; None when a line that has begun does not go on."""
        if self.is_full:
            return b""
        patience_s = PROMPT_AFTER_S if len(self._heard) > self._given else None
        try:
            async with asyncio.timeout(patience_s) as waiting:
                more = await self._stream.read()
        except TimeoutError:
            if waiting.expired():
                return None
            raise  # the connection itself has timed out
        self._total += len(more)
        return more

    def _take(self, length: int) -> str:
        line = bytes(self._heard[:length])
        del self._heard[:length]
        self._given = 0
        self._lines += 1
        return _text(line)


def _text(line: bytes | bytearray) -> str:
    return line.decode("utf-8", "replace").rstrip("\r\n")


class _Mask:
    """Hides in what a peer says every word that was sent to it: some echo passwords."""

    def __init__(self) -> None:
        self._words: set[str] = set()

    def add(self, sent: bytes) -> None:
        """These words are hidden from now on, short ones only where they stand alone."""
        for word in re.findall(r"\w+", sent.decode("utf-8", "replace")):
            self._words.add(word if len(word) > _SHORT else rf"\b{word}\b")

    def over(self, line: str) -> str:
        """The line for people."""
        longest_first = sorted(self._words, key=len, reverse=True)
        return quote(re.sub("|".join(longest_first), "***", line) if longest_first else line)
