"""A process that pages without end: commits an incident with its page, delivers, and so on until killed."""

from __future__ import annotations

import asyncio
import time
from multiprocessing.connection import Connection

from linkwatch.core.inventory import Contact
from linkwatch.core.records import Changes, Incident, IncidentState, Notification, NotificationKind
from linkwatch.flow.deliver import Deliverer
from linkwatch.notify.apprise import AppriseChannel
from linkwatch.notify.channels import build_channels
from linkwatch.store.store import Store

AppriseChannel("chat", "", 10.0)  # loads apprise's services before the process forks


def page_until_killed(url: str, address: str, committed: Connection) -> None:
    """Report the key of each page once its commit has returned."""
    asyncio.run(_page(url, address, committed, endless=True))


def finish(url: str, address: str, committed: Connection) -> None:
    """Deliver what is left, and stop cleanly."""
    asyncio.run(_page(url, address, committed, endless=False))


async def _page(url: str, address: str, committed: Connection, *, endless: bool) -> None:
    store = await Store.open(url, instance="one")
    people = {"it-duty": Contact("it-duty", "Trực", channels={"chat": address})}
    deliverer = Deliverer(store, build_channels({}, people), now=time.time)
    running = asyncio.create_task(deliverer.run())
    incident = (await store.load()).next_incident_id
    while endless:
        await store.commit(_incident(incident))
        committed.send(incident)
        deliverer.poke()
        incident += 1
        await asyncio.sleep(0.002)
    while await store.oldest_queued_at() is not None:  # noqa: ASYNC110 - the rows say when it is done
        await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await store.close()


def _incident(incident: int) -> Changes:
    opened = Incident(incident, "r", IncidentState.OPEN, "critical", False, time.time())
    key = f"{incident}/page/0/it-duty/chat"
    page = Notification(
        key, incident, "it-duty", "chat", NotificationKind.PAGE, "Sự cố", f"sự cố {incident}", time.time()
    )
    return Changes(incidents=(opened,), notifications=(page,))
