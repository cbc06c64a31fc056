"""All parts of one running LinkWatch: how they know one another, how a reload passes through them, and their
tasks."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Collection, Sequence

from prometheus_client import REGISTRY

from linkwatch.config.problems import ConfigErrors
from linkwatch.core.board import Board
from linkwatch.core.catalog import Catalog
from linkwatch.core.inventory import Inventory
from linkwatch.core.records import TargetEvent
from linkwatch.core.rules import AlertMachine
from linkwatch.flow.addresses import Addresses
from linkwatch.flow.audit import Auditor
from linkwatch.flow.buffers import warn_of_small_buffers
from linkwatch.flow.clock import STEP_S, Clock
from linkwatch.flow.deliver import Deliverer
from linkwatch.flow.echoes import EchoRecord, EchoTarget
from linkwatch.flow.escalate import Escalator
from linkwatch.flow.faults import Faults
from linkwatch.flow.files import Shares, Shortages
from linkwatch.flow.further import FurtherPings
from linkwatch.flow.given import publish_given
from linkwatch.flow.incidents import ZONE, Incidents
from linkwatch.flow.intake import Intake
from linkwatch.flow.judge import Judge
from linkwatch.flow.measure import ICMP, Measurer, probe_metrics
from linkwatch.flow.paths import Paths, View
from linkwatch.flow.pings import further_pings, is_further, ping_targets
from linkwatch.flow.plan import Plan, Read, changed_targets, prepare_apart, restart_needed, unhurried
from linkwatch.flow.record import ProbeRecord
from linkwatch.flow.replyttls import ReplyTtls
from linkwatch.flow.supervisor import Supervisor
from linkwatch.flow.traps import Traps
from linkwatch.flow.verdicts import Verdicts
from linkwatch.flow.vitals import Pulse, Vitals
from linkwatch.store.store import Store
from linkwatch.web.door import Door
from linkwatch.web.services import Health, Services
from probes.icmp import Pinger, PingTarget
from probes.path import Tracer
from probes.sample import Reason

GUARD_S = 1.0
STUCK_S = 5.0
"""A pinger thread or judge that has not turned for so long is stuck: better no process than a blind one."""

CLOCK = Clock()

log = logging.getLogger(__name__)


class StuckError(Exception):
    """A vital part has stopped turning; the process must end and be started again."""


class Service:
    """All parts of one running LinkWatch."""

    def __init__(
        self,
        read: Read,
        store: Store,
        plan: Plan,
        pinger: Pinger,
        shares: Shares,
        trap_socket: socket.socket | None,
    ) -> None:
        inventory = plan.config.inventory
        self._reread = read
        self.config, self.store = plan.config, store
        self.board = Board()
        self.pinger = pinger
        self.coverage = plan.coverage
        self.verdicts = Verdicts(self.board, inventory, self.coverage.graph)
        self.echoes = EchoRecord(self.board)
        labelled = {metric.name for metric in probe_metrics() if "probe" in metric.labels}
        self.samples = ProbeRecord(self.board, labelled)
        self.intake = Intake(
            self.samples, self.verdicts, self.coverage, clock=CLOCK, on_verdict=lambda: self.judge.poke()
        )
        self.further, self.faults = FurtherPings(self.intake.take), Faults(pinger)
        self.measurer = Measurer(
            self.intake.take, at_once=shares.probes, monotonic=CLOCK.monotonic, utc=CLOCK.utc
        )
        self.door, self.shortages = Door(shares.connections), Shortages()
        self.addresses = Addresses(inventory, plan.literals, self._readdress, self._count_lost)
        self.vitals = Vitals(self.board, targets=len(inventory.targets), now=CLOCK.utc())
        self.supervisor = Supervisor()
        self._rules, self._channels = plan.rules, plan.channels
        self._trap_socket = trap_socket
        self._reloading = asyncio.Lock()
        self._loop = asyncio.get_running_loop()
        self.shortages.watch(self._loop)

    async def start(self) -> None:
        """Take up the work where the rows say, and begin to ping."""
        config, stored = self.config, await self.store.load()
        self.machine = AlertMachine(self._rules, stored.alerts)
        self.deliverer = Deliverer(self.store, self._channels, now=CLOCK.utc)
        self.incidents = Incidents(
            self.store, self.deliverer, config, stored, board=self.board, now=CLOCK.utc, zone=ZONE
        )
        self.traps = Traps(
            self._trap_socket,
            config,
            addresses=lambda: self.addresses.known,
            measurer=self.measurer,
            incidents=self.incidents,
            put=self.vitals.put,
            clock=CLOCK,
        )
        self.paths = Paths(self.incidents.note_path_end, self._note_path_change, monotonic=CLOCK.monotonic)
        self.escalator = Escalator(self.incidents, now=CLOCK.utc)
        self.auditor = Auditor(self.store, self.incidents, self.vitals.put, now=CLOCK.utc)
        self.judge = Judge(
            inventory=config.inventory,
            board=self.board,
            pinger=self.pinger,
            coverage=self.coverage,
            verdicts=self.verdicts,
            echoes=self.echoes,
            further=self.further,
            measurer=self.measurer,
            machine=self.machine,
            incidents=self.incidents,
            vitals=self.vitals,
            outcomes=self.deliverer.outcomes,
            clock=CLOCK,
        )
        if (ahead_s := stored.last_at - CLOCK.utc()) > STEP_S:
            await self.judge.move_times(-ahead_s)  # the clock was set back between the two runs
        pinged = await self._point_pinger(config.inventory)
        self.verdicts.follow(self.pinger.rows)
        publish_given(self.board, config.inventory, self.coverage.graph, self.verdicts.subjects)
        self.echoes.replace(self._echo_targets(pinged))
        await self.measurer.replace(config.inventory)

    async def reload(self) -> None:
        """Read the configuration again and go on with it. Raises ConfigErrors; then nothing has changed."""
        async with self._reloading:
            self.supervisor.reloading(CLOCK.monotonic())
            try:
                with unhurried():
                    await self._reload()
            except ConfigErrors:
                self.vitals.publish_reload(len(self.config.inventory.targets), CLOCK.utc(), successful=False)
                raise
            finally:
                self.supervisor.ready()

    async def _reload(self) -> None:
        plan = await prepare_apart(self._reread)
        async with self.judge.between_turns():
            await self._take_over(plan)
        log.warning("reloaded: %d targets, %d rules", len(plan.config.inventory.targets), len(plan.rules))

    async def _take_over(self, plan: Plan) -> None:
        """Become what `plan` says; targets that it leaves as they are keep all that is known of them.

        Samples come in meanwhile: from the first that a new target may give, everything that takes samples
        knows the new targets. What else has a place for every target follows bit by bit.
        """
        config, inventory = plan.config, plan.config.inventory
        for name in restart_needed(self.config, config):
            log.warning("%s has changed; that is taken over at the next start", name)
        changed = await asyncio.to_thread(changed_targets, self.config.inventory, inventory)
        self.addresses.use(inventory, plan.literals)
        pinged = await self._point_pinger(inventory)
        await self.measurer.replace(inventory)  # no sample of a target that is gone comes in any more
        self._replace_targets(plan, changed)
        self.machine.replace(plan.rules)
        self.incidents.use(inventory)
        self.traps.use(inventory)
        self.deliverer.use(plan.channels)
        self.vitals.publish_reload(len(inventory.targets), CLOCK.utc(), successful=True)
        await asyncio.sleep(0)
        publish_given(self.board, inventory, self.coverage.graph, self.verdicts.subjects)
        echo_targets = await asyncio.to_thread(self._echo_targets, pinged)
        self.echoes.replace(echo_targets)
        await asyncio.sleep(0)

    def _replace_targets(self, plan: Plan, changed: Collection[str]) -> None:
        config, inventory = plan.config, plan.config.inventory
        self.config = config
        self.samples.forget(changed)
        self.board.forget_targets(changed)
        plan.coverage.adopt(self.coverage)
        verdicts = Verdicts(self.board, inventory, plan.coverage.graph)
        verdicts.adopt(self.verdicts)
        self.coverage, self.verdicts = plan.coverage, verdicts
        self.judge.use(inventory, plan.coverage, verdicts)
        self.intake.use(verdicts, plan.coverage)
        verdicts.follow(self.pinger.rows)

    def services(self) -> Services:
        """What the web floor may see."""
        return Services(
            board=self.board,
            catalog=Catalog(probe_metrics()),
            process_metrics=REGISTRY,
            inventory=lambda: self.config.inventory,
            reachability=lambda: self.judge.reachability,
            alerts=lambda: self.machine.active,
            store=self.store,
            actions=self.incidents,
            reload=self.reload,
            health=self._health,
            unmeasured=self._unmeasured,
            events=self.traps.log.of,
            now=CLOCK.utc,
            zone=ZONE,
        )

    async def run(self, tracer: Tracer | None) -> None:
        """Run every task until the first one fails or this one is cancelled."""
        async with asyncio.TaskGroup() as group:
            for name, work in (
                ("judge", self.judge.run()),
                ("measure", self.measurer.run()),
                ("traps", self.traps.run()),
                ("escalate", self.escalator.run()),
                ("deliver", self.deliverer.run()),
                ("audit", self.auditor.run()),
                ("addresses", self.addresses.run()),
                ("loop-lag", self.vitals.watch_loop(CLOCK.monotonic)),
                ("reply-ttls", ReplyTtls().run(self.pinger, self._note_news, CLOCK)),
                ("paths", self.paths.run(tracer, self._view_of_paths)),
                ("guard", self._guard()),
            ):
                group.create_task(work, name=name)

    def wake(self) -> None:
        """Judge at once; may be called from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: the service is ending
            self._loop.call_soon_threadsafe(self.judge.poke)

    def _unmeasured(self) -> dict[str, Reason]:
        """Target id -> why nothing says whether it is up."""
        unsent = self.faults.reasons(self.verdicts.target_of)
        return {**self.intake.blind, **unsent, **self.addresses.unresolved}

    def _count_lost(self, key: str, reason: Reason) -> None:
        """The name behind a ping gave no address, hence nothing was sent."""
        if is_further(key):
            self.further.fail(key, reason, CLOCK.utc(), CLOCK.monotonic())
        else:
            self.samples.count_failure(self.config.inventory.targets[key], ICMP, reason, CLOCK.utc())

    async def _readdress(self) -> None:
        async with self.judge.between_turns():
            pinged = await self._point_pinger(self.config.inventory)
            self.verdicts.follow(self.pinger.rows)
            self.echoes.replace(self._echo_targets(pinged))

    async def _point_pinger(self, inventory: Inventory) -> list[PingTarget]:
        """Let the pinger ping this inventory; verdicts and echoes must follow before the next turn."""
        targets = await asyncio.to_thread(ping_targets, inventory, self.addresses.pinged)
        further = await asyncio.to_thread(further_pings, inventory)
        await asyncio.to_thread(self.pinger.replace, targets)
        self.further.replace(further, self.pinger.rows)
        self.faults.tell_new()
        warn_of_small_buffers(self.pinger.receive_buffer_bytes(), targets)
        return targets

    def _echo_targets(self, pinged: Sequence[PingTarget]) -> list[EchoTarget]:
        targets, index, rows = self.config.inventory.targets, self.coverage.graph.index, self.pinger.rows
        subjects = self.verdicts.subjects.tolist()
        places = [(one.key, index[one.key], one.interval_s) for one in pinged if not is_further(one.key)]
        return [
            EchoTarget(targets[key], position, rows[key], interval_s, subjects[position])
            for key, position, interval_s in places
        ]

    async def _note_path_change(self, target: str, changed: tuple[str, ...]) -> None:
        event = TargetEvent(target, CLOCK.utc(), "path-changed", {"detail": "; ".join(changed)})
        self.traps.log.add(event)
        await self.incidents.report([event])

    async def _note_news(self, events: Sequence[TargetEvent]) -> None:
        news = [event for event in events if self.traps.log.add(event)]
        if news:
            await self.incidents.report(news)

    def _view_of_paths(self) -> View:
        return View(self.config.inventory, self.addresses.known, self.verdicts.doubtful)

    def _health(self) -> Health:
        data_age_s = CLOCK.monotonic() - self.judge.turned_s
        reasons = [
            reason
            for reason, bad in (
                ("the store cannot be written", not self.store.healthy),
                ("nothing was judged for 5 seconds", data_age_s > STUCK_S),
                ("the pinger stands still", self._pinger_age_s() > STUCK_S),
            )
            if bad
        ]
        return Health(not reasons, tuple(reasons), data_age_s)

    def _pinger_age_s(self) -> float:
        return CLOCK.monotonic() - self.pinger.alive_at

    async def _guard(self) -> None:
        looks = round(STUCK_S / GUARD_S)
        pinger = Pulse(lambda: self.pinger.alive_at, looks)
        judge = Pulse(lambda: self.judge.steps, looks)
        while True:
            await asyncio.sleep(GUARD_S)
            if pinger.is_still():
                raise StuckError("the pinger thread has stopped; nothing would be measured any more")
            if judge.is_still():
                raise StuckError("the judge has stopped; nothing would be decided any more")
            self.vitals.publish_files(self.door.refused, self.shortages.count, CLOCK.utc())
            self.supervisor.alive()
