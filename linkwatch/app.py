"""The composition root: opens what needs rights, gives them up, and runs the service."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass

from linkwatch.config.settings import Config
from linkwatch.flow.files import raise_limit, share
from linkwatch.flow.guard import Guard
from linkwatch.flow.paths import shared_tracer
from linkwatch.flow.pings import egresses
from linkwatch.flow.plan import Read, prepare, unhurried
from linkwatch.flow.privileges import FOR_SOCKETS, starting_first
from linkwatch.flow.traps import open_trap_socket
from linkwatch.service import Service
from linkwatch.store.store import Store
from linkwatch.web.server import listen, serving
from linkwatch.web.services import Services
from probes.icmp import Pinger


@dataclass(frozen=True, slots=True)
class Running:
    """What a caller of `serve` may use while the service runs."""

    config: Config
    services: Services


async def serve(
    read: Read,
    *,
    listener: socket.socket | None = None,
    drop: Callable[..., None] = lambda *_keep: None,
    on_started: Callable[[Running], None] = lambda _running: None,
) -> None:
    """Run LinkWatch until cancelled.

    `read` gives the configuration and its rules, now and at every reload. `listener`: a bound socket to
    use instead of `server.listen`. `drop` gives up every capability but those it is called with: at once,
    so that the configuration is read with the rights that a reload will have, and again when the sockets
    are open, before the first thread starts. Raises ConfigErrors, StoreError, ProbePermissionError or
    OSError (the port is in use), each with a text for people.
    """
    async with contextlib.AsyncExitStack() as stack:
        drop(*FOR_SOCKETS)
        plan = prepare(read)
        pinger = Pinger(wake=lambda: service.wake())
        stack.callback(pinger.close)
        pinger.open(egresses(plan.config.inventory))
        tracer = stack.enter_context(shared_tracer())
        listener = listener or stack.enter_context(listen(plan.config.server))
        trap_socket = open_trap_socket(plan.config.server.traps)
        if trap_socket is not None:
            stack.enter_context(trap_socket)
        with starting_first():
            drop()
            pinger.start()
        guard = Guard(lambda: pinger.alive_at)
        guard.start()
        stack.callback(guard.close)
        store = await Store.open(plan.config.store_url, instance=plan.config.instance)
        stack.push_async_callback(store.close)
        await store.claim()
        with unhurried(), pinger.resting():
            service = Service(read, store, plan, pinger, share(raise_limit()), trap_socket)
            await service.start()
            services = service.services()
            await stack.enter_async_context(serving(services, plan.config.server, listener, service.door))
        on_started(Running(plan.config, services))
        service.supervisor.ready()
        stack.callback(service.supervisor.stopping)
        await service.run(tracer)
