"""What becomes of captures in hostile hands: seeded, so that every input can be made again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from random import Random

MOST_CHANGES = 5
NOISE_SHARE, LARGE_SHARE = 0.05, 0.03
"""Inputs that are no capture at all, and those of the largest size, which cost most."""

Repair = Callable[[bytes, bytes], bytes]

_NASTY = (
    *(
        b"",
        b"\0",
        b"\r",
        b"\n",
        b"\r\n",
        b"\r\n\r\n",
        b" ",
        b"\t",
        b":",
        b";",
        b",",
        b'"',
        b"\\",
        b"=",
        b"<",
        b"%",
    ),
    *(b"%s%n", b"\xff", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\xc0\x0c", b"\x30\x80"),
    *(b"\xed\xa0\x80", b"\xf0\x9f\x98\x80", "Ⅷ٣".encode(), b"-1", b"0x10", b"1e999", b"NaN", b"A" * 300),
)
_NUMBERS = (b"0", b"-1", b"65536", b"4294967296", b"99999999999999999999", b"1e9", b"+5", "٣".encode())
_DIGITS = re.compile(rb"\d+")


class Mutator:
    """An endless stream of damaged captures. `words`: what is worth putting in, for a format with such words.

    `repair`: makes of a capture and its damaged copy what gets past the door (checksums, ids, lengths); used
    on every other input, as a hostile peer who knows the protocol would.
    """

    def __init__(
        self,
        captures: Sequence[bytes],
        seed: int,
        longest: int,
        words: Sequence[bytes] = (),
        repair: Repair | None = None,
    ) -> None:
        self._captures, self._random, self._repair = captures, Random(seed), repair
        self._longest, self._words = longest, (*_NASTY, *words)
        self._changes: tuple[Callable[[bytearray], None], ...] = (
            self._flip_bit,
            self._change_bytes,
            self._cut_end,
            self._cut_out,
            self._repeat,
            self._lie_about_length,
            self._lie_about_length,
            self._lie_in_digits,
            self._put_in_word,
            self._put_in_word,
            self._splice,
        )

    def __iter__(self) -> Iterator[bytes]:
        while True:
            yield self._next()[: self._longest]

    def _next(self) -> bytes:
        chance = self._random.random()
        if chance < NOISE_SHARE:
            return self._random.randbytes(self._random.randrange(min(2000, self._longest)))
        capture = self._random.choice(self._captures)
        data = bytearray(capture)
        if chance < NOISE_SHARE + LARGE_SHARE:
            self._pump(data)
        for _ in range(self._random.randint(1, MOST_CHANGES)):
            self._random.choice(self._changes)(data)
        if self._repair is not None and self._random.random() < 0.5:
            return self._repair(capture, bytes(data))
        return bytes(data)

    def _place(self, data: bytearray) -> int:
        return self._random.randrange(len(data) + 1)

    def _slice(self, data: bytearray, longest: int) -> bytes:
        place = self._place(data)
        return bytes(data[place : place + self._random.randint(1, longest)])

    def _flip_bit(self, data: bytearray) -> None:
        if data:
            data[self._random.randrange(len(data))] ^= 1 << self._random.randrange(8)

    def _change_bytes(self, data: bytearray) -> None:
        place, size = self._place(data), self._random.randint(1, 8)
        data[place : place + size] = self._random.randbytes(size)

    def _cut_end(self, data: bytearray) -> None:
        del data[self._place(data) :]

    def _cut_out(self, data: bytearray) -> None:
        place = self._place(data)
        del data[place : place + self._random.randint(1, 16)]

    def _repeat(self, data: bytearray) -> None:
        place = self._place(data)
        data[place:place] = self._slice(data, 32) * self._random.randint(2, 40)

    def _lie_about_length(self, data: bytearray) -> None:
        """One, two or four bytes somewhere become a number at the border of something."""
        place, size = self._place(data), self._random.choice((1, 2, 4))
        most = 256**size - 1
        lie = self._random.choice((0, 1, most, most - 1, most // 2, most // 2 + 1, len(data), len(data) + 1))
        data[place : place + size] = min(lie, most).to_bytes(size, "big")

    def _lie_in_digits(self, data: bytearray) -> None:
        numbers = list(_DIGITS.finditer(data))
        if numbers:
            start, end = self._random.choice(numbers).span()
            data[start:end] = self._random.choice(_NUMBERS)

    def _put_in_word(self, data: bytearray) -> None:
        place = self._place(data)
        data[place:place] = self._random.choice(self._words)

    def _splice(self, data: bytearray) -> None:
        """Goes on as another capture does."""
        other = self._random.choice(self._captures)
        del data[self._place(data) :]
        data += other[self._random.randrange(len(other) + 1) :]

    def _pump(self, data: bytearray) -> None:
        """A little of it is repeated until nothing more may follow: what takes quadratic time shows here."""
        piece = self._random.choice((self._slice(data, 12), self._random.choice(self._words))) or b"\0"
        place = self._place(data)
        room = max(0, self._longest - len(data))
        data[place:place] = piece * (room // len(piece))
