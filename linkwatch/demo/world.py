"""The far side of the demo: a process that is the province, with real web servers and SNMP agents.

Run as `python -m linkwatch.demo.world FD` (FD: a TUN interface of LinkWatch's network, inherited) or
`… loopback`. It prints `ready` and obeys lines on standard input: `cut ADDRESS`, `degrade ADDRESS
LOSS`, `break ADDRESS` (its web server answers 503), `heal ADDRESS`; it ends when the input ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Iterable

from aiohttp import web

from linkwatch.demo.namespace import configure, configure_many, enter_own_network, open_tun
from linkwatch.demo.paths import Paths
from linkwatch.demo.province import LOOPBACK, OWN_NETWORK, Province
from linkwatch.demo.wire import CUT, Conditions, Wire
from probes.snmp import mib
from probes.snmp.testing import Agent, counter64, gauge, interface_rows, serve, text, timeticks

SEED = 2021
LINK_MBIT = 100
TRAFFIC_BYTES_PER_S = {"ge-0/0/0": (2_400_000.0, 900_000.0), "ge-0/0/1": (900_000.0, 2_400_000.0)}


class World:
    """Everything in the province that answers."""

    def __init__(self, province: Province, wire: Wire | None) -> None:
        self._province, self._wire = province, wire
        self._paths = Paths(province.paths())
        self._broken: set[str] = set()
        self._agents: dict[str, Agent] = {}
        self._started = time.monotonic()

    async def open(self, stack: contextlib.AsyncExitStack) -> None:
        """Start web servers and SNMP agents, and let packets travel."""
        self._change(self._paths.all())
        pages = {address: name for name, _, address in self._province.web_servers.values()}
        for address, name in (pages | self._province.modems).items():
            await self._open_web(stack, name, address)
        for address, host in self._province.snmp_agents().items():
            agent = Agent(self._rows(host))
            await stack.enter_async_context(serve(agent, address, self._province.snmp_port))
            self._agents[host] = agent

    async def live(self) -> None:
        """Let traffic flow, for ever."""
        while True:
            for host, agent in self._agents.items():
                agent.rows.update(self._rows(host))
            await asyncio.sleep(1.0)

    def obey(self, line: str) -> None:
        """Carry out one line of standard input."""
        match line.split():
            case ["break", address]:
                self._broken.add(address)
            case ["cut", address]:
                self._change(self._paths.cut(address))
            case ["degrade", address, loss]:
                self._change(self._paths.degrade(address, float(loss)))
            case ["heal", address]:
                self._broken.discard(address)
                self._change(self._paths.heal(address))

    def _change(self, changed: Iterable[tuple[str, Conditions]]) -> None:
        if self._wire is not None:
            for address, conditions in changed:
                self._wire.change(conditions, address)

    async def _open_web(self, stack: contextlib.AsyncExitStack, name: str, address: str) -> None:
        async def answer(_request: web.Request) -> web.Response:
            if address in self._broken:
                return web.Response(status=503, text="Service Unavailable")
            return web.Response(text=f"<title>{name}</title>", content_type="text/html")

        app = web.Application()
        app.router.add_get("/", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, address, self._province.web_port).start()

    def _rows(self, host: str) -> dict[str, object]:
        uptime_s = time.monotonic() - self._started + 86_400
        rows = {
            mib.SYS_DESCR: text("LinkWatch demo router"),
            mib.SYS_NAME: text(host),
            mib.SYS_UPTIME: timeticks(int(uptime_s * 100)),
        }
        for index, (name, (received, sent)) in enumerate(TRAFFIC_BYTES_PER_S.items(), 1):
            rows |= interface_rows(
                index,
                name,
                IF_HIGH_SPEED=gauge(LINK_MBIT),
                IF_HC_IN_OCTETS=counter64(int(received * uptime_s)),
                IF_HC_OUT_OCTETS=counter64(int(sent * uptime_s)),
            )
        return rows


def _enter_province(near: int) -> Wire:
    enter_own_network()
    far = open_tun("province")
    configure_many([f"addr add {address}/32 dev lo" for address in OWN_NETWORK.paths()])
    configure("link set province up")
    configure(f"route add {OWN_NETWORK.watcher}/32 dev province")
    wire = Wire(near, far, SEED)
    wire.change(CUT)  # what is no address of the province does not exist
    return wire


async def _obey_input(world: World) -> None:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        world.obey(line.decode())


async def main(where: str) -> None:
    """Be the province until standard input ends."""
    async with contextlib.AsyncExitStack() as stack:
        if where == "loopback":
            world = World(LOOPBACK, None)
        else:
            world = World(OWN_NETWORK, stack.enter_context(_enter_province(int(where))))
        await world.open(stack)
        living = asyncio.create_task(world.live())
        print("ready", flush=True)  # noqa: T201
        await _obey_input(world)
        living.cancel()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(sys.argv[1]))
