"""Notifications as net-snmp 5.9 sends them, captured by us, and what damage makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

V1 = bytes.fromhex(
    "305102010004067075626c6963a44406072b06010401bf0840040a00000102010202010043017b302a300f060a2b0601"
    "020102020101030201033017060b2b060102011f0101010103040867652d302f302f33"
)
V2C = bytes.fromhex(
    "30819902010104067075626c6963a7818b02047352eac3020100020100307d300d06082b0601020101030043017b3017"
    "060a2b06010603010104010006092b0601060301010503300f060a2b0601020102020101030201033020060a2b060102"
    "01020201020304124769676162697445746865726e6574302f33300f060a2b060102010202010703020101300f060a2b"
    "060102010202010803020102"
)
V3 = bytes.fromhex(
    "3081b7020103301102040c144add020300ffe3040103020103043d303b04088000000001020304020101020319ec4404"
    "03626f620418c0359949cc7368d124b1e09465729a0442c43a154914eded0408bbf104a657f26bc504603d6f240ff47a"
    "e8022a4d08bc1088d45596543861d4ca54a9be191e05ff935aaedd690c25be7497334d9b8878c9053918192351b11181"
    "5ca40e462e0bf675951822207098f61b7280a2e7f61ced44c09ebf6b95a715518defd06c90ef73a8768d"
)
"""Of the user bob (SHA-256, AES), whose passwords are those in `devices`."""
DISCOVERY = bytes.fromhex(
    "304f020103301102045dfaaf71020300ffe30401040201030410300e0400020100020100040004000400302504118000"
    "1f88801ef81668f07a036b000000000400a00e02046f5dd6640201000201003000"
)
ALL = (V1, V2C, V3, DISCOVERY)


def damaged(count: int, seed: int = 1) -> Iterator[bytes]:
    """As many datagrams that are noise, or a capture with bytes changed, cut out, repeated or put in."""
    random = Random(seed)
    for _ in range(count):
        if random.random() < 0.1:
            yield random.randbytes(random.randrange(0, 1500))
            continue
        data = bytearray(random.choice(ALL))
        for _ in range(random.randrange(1, 6)):
            _damage(data, random)
        yield bytes(data)


def _damage(data: bytearray, random: Random) -> None:
    place, size = random.randrange(len(data) + 1), random.randrange(1, 9)
    match random.randrange(4):
        case 0:
            data[place : place + 1] = random.randbytes(1)
        case 1:
            del data[place : place + size]
        case 2:
            data[place:place] = data[place : place + size] * random.randrange(1, 20)
        case _:
            data[place:place] = random.choice((b"\x30\x80", b"\xff" * size, b"\x06\x7f", b"\x24\x80" * size))
