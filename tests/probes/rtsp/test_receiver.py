"""Two UDP ports for one stream: neighbours, deaf to strangers, honest about what was dropped here."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from probes.failure import ProbeError
from probes.rtsp.receiver import Receiver
from probes.sample import Reason

CAMERA, STRANGER = "127.0.0.1", "127.0.0.2"


@pytest.fixture
def sender() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind((CAMERA, 0))
        yield opened


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_packets_of_the_camera_are_taken_and_those_of_a_stranger_are_not(sender: socket.socket) -> None:
    came: list[bytes] = []
    with closing(Receiver("127.0.0.1", CAMERA, came.append)) as receiver, socket.socket(type=2) as other:
        other.bind((STRANGER, 0))
        other.sendto(b"forged", ("127.0.0.1", receiver.port))
        sender.sendto(b"video", ("127.0.0.1", receiver.port))
        await settle()
    assert came == [b"video"]
    assert receiver.dropped == 0


async def test_the_ports_are_neighbours_and_the_first_is_even() -> None:
    with ExitStack() as stack:
        ports = [
            stack.enter_context(closing(Receiver("127.0.0.1", CAMERA, lambda _data: None))).port
            for _ in range(20)
        ]
    assert not any(port % 2 for port in ports)
    assert len(set(ports)) == 20


async def test_what_this_machine_had_no_room_for_is_counted(sender: socket.socket) -> None:
    came: list[bytes] = []
    with closing(Receiver("127.0.0.1", CAMERA, came.append)) as receiver:
        for _ in range(20_000):  # while the loop does nothing
            sender.sendto(bytes(1400), ("127.0.0.1", receiver.port))
        await asyncio.sleep(0.2)
        sender.sendto(b"later", ("127.0.0.1", receiver.port))  # the count comes with the next packet
        await settle()
    assert came[-1] == b"later"
    assert receiver.dropped == 20_001 - len(came) > 0


async def test_both_ports_of_the_camera_are_spoken_to_first(sender: socket.socket) -> None:
    with closing(Receiver("127.0.0.1", CAMERA, lambda _data: None)) as receiver:
        receiver.punch(sender.getsockname()[1], 0)
        data, source = sender.recvfrom(100)
        assert (len(data), data[0] >> 6, source) == (12, 2, ("127.0.0.1", receiver.port))


async def test_an_address_that_is_not_ours_has_its_reason() -> None:
    with pytest.raises(ProbeError) as caught:
        Receiver("192.0.2.1", CAMERA, lambda _data: None)
    assert caught.value.reason is Reason.ERROR
