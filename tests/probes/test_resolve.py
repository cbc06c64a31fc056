"""From a host to addresses: literals, ports, the scope, and a resolver that hangs."""

from __future__ import annotations

import asyncio
import socket
import threading
from ipaddress import ip_address
from typing import Any

import pytest

from probes.resolve import ResolveError, port_of_url, resolve, resolve_one, split_host_port
from probes.sample import Reason, Target


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("10.0.0.1", ("10.0.0.1", 161)),
        ("10.0.0.1:1161", ("10.0.0.1", 1161)),
        ("sw.example:1161", ("sw.example", 1161)),
        ("fd00::1", ("fd00::1", 161)),
        ("[fd00::1]", ("fd00::1", 161)),
        ("[fd00::1]:1161", ("fd00::1", 1161)),
        ("https://user:pw@portal.example:8443/path", ("portal.example", 161)),
        ("http://[fd00::1]:81/", ("fd00::1", 161)),
    ],
)
def test_host_and_port(text: str, wanted: tuple[str, int]) -> None:
    assert split_host_port(text, 161) == wanted


@pytest.mark.parametrize("text", ["h:0", "h:99999", "h:http", "[::1]:x"])
def test_a_port_that_is_none(text: str) -> None:
    with pytest.raises(ResolveError, match="is not a port"):
        split_host_port(text, 161)


def test_the_port_of_a_url_is_for_those_who_ask_for_it() -> None:
    assert port_of_url("https://portal.example:8443/") == 8443
    assert port_of_url("https://portal.example/") is None
    assert port_of_url("portal.example:25") is None


@pytest.mark.parametrize("text", ["https:///path", "https://h:99999/", "https://[::1/", "://x:y@"])
def test_a_url_that_is_none_is_not_quoted(text: str) -> None:
    with pytest.raises(ResolveError, match=r"^the address is a URL without a host or with a wrong port$"):
        split_host_port(text, 161)


async def test_only_addresses_inside_the_scope_are_given() -> None:
    target = Target("t", "localhost", allows=lambda address: address == ip_address("127.0.0.1"))
    assert await resolve(target, "localhost") == (ip_address("127.0.0.1"),)
    with pytest.raises(ResolveError, match=r"10\.0\.0\.1 is outside the scope") as caught:
        await resolve_one(target, "10.0.0.1")
    assert caught.value.reason is Reason.PERMISSION


async def test_a_name_that_is_none() -> None:
    with pytest.raises(ResolveError) as caught:
        await resolve(Target("t", ""), "x" * 70)
    assert caught.value.reason is Reason.RESOLVE


async def test_a_machine_without_threads_left_does_not_forget_the_name_for_good(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    target = Target("t", "")
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(ResolveError) as caught:
            await resolve(target, "localhost")
    assert caught.value.reason is Reason.EXHAUSTED
    async with asyncio.timeout(5):
        assert ip_address("127.0.0.1") in await resolve(target, "localhost")


async def test_a_resolver_that_hangs_costs_one_thread_and_stops_nobody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered, asked, real = threading.Event(), [], socket.getaddrinfo

    def hang_on_one_name(host: str, *rest: Any, **options: Any) -> Any:
        asked.append(host)
        if host == "hangs.invalid":
            answered.wait()
            raise socket.gaierror(socket.EAI_AGAIN, "try again")
        return real(host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", hang_on_one_name)
    target = Target("t", "")
    for _ in range(50):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await resolve(target, "hangs.invalid")
    assert asked == ["hangs.invalid"]
    assert ip_address("127.0.0.1") in await resolve(target, "localhost")
    answered.set()
    with pytest.raises(ResolveError, match="try again"):
        await resolve(target, "hangs.invalid")
