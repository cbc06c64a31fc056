"""What happens in the demo: faults come and go, and duty officers answer their pages."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass

from linkwatch.core.records import IncidentState
from linkwatch.demo.inbox import Letter
from linkwatch.demo.inventory import CONTACTS
from linkwatch.demo.province import VNPT, Province
from linkwatch.web.services import Services

FIRST_FAULT_AFTER_S = 5.0
OFFICER_ANSWERS_AFTER_S = 4.0
OFFICERS = {"vnpt-duty": "Trực VNPT Thanh Hóa", "viettel-duty": "Trực Viettel Thanh Hóa"}
INCIDENT = re.compile(r"#(\d+)")

Say = Callable[[str, str], None]
"""Shows one line: what kind of thing happened, and what."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that breaks for a while. `command`: for the world; `text`: for who watches."""

    command: str
    address: str
    lasts_s: float
    pause_s: float
    text: str


def faults(province: Province) -> tuple[Fault, ...]:
    """The faults of one round; without a wire only servers can break, and the modem of a link is one."""
    meeting = province.web_servers["hop-truc-tuyen-1"][2]
    portal = province.web_servers["dich-vu-cong"][2]
    servers = (
        Fault(
            "break", meeting, 75, 20, "Máy chủ họp trực tuyến 1 trả lời lỗi 503 / the meeting server fails"
        ),
        Fault("break", portal, 75, 20, "Cổng dịch vụ công trả lời lỗi 503 / the public-service portal fails"),
    )
    districts = {district.name: district for district in province.districts}
    quan_son, hoang_hoa = districts["Quan Sơn"], districts["Hoằng Hóa"]
    link, camera = province.link(quan_son), province.camera(hoang_hoa)
    link_text = "đứt kênh truyền Quan Sơn (VNPT) / the link of Quan Sơn is cut"
    if not province.wire:
        return (Fault("break", link, 25, 45, link_text), *servers)
    core = province.core(VNPT)
    return (
        Fault("cut", link, 18, 45, link_text),
        Fault("cut", camera, 50, 15, "camera Hoằng Hóa mất tín hiệu / the camera of Hoằng Hóa falls silent"),
        Fault("cut", core, 45, 30, "mạng lõi VNPT ngừng: 21 huyện / the core of VNPT fails: 21 districts"),
        servers[0],
        Fault(
            "degrade", province.link(districts["Ngọc Lặc"]), 150, 30, "mất 20 % gói ở Ngọc Lặc / 20 % loss"
        ),
        servers[1],
    )


async def tell(rounds: tuple[Fault, ...], command: Callable[[str], None], say: Say) -> None:
    """Let the faults come and go, round after round."""
    await asyncio.sleep(FIRST_FAULT_AFTER_S)
    while True:
        for fault in rounds:
            say("SỰ CỐ  fault", fault.text)
            command(f"{fault.command} {fault.address}" + (" 0.2" if fault.command == "degrade" else ""))
            await asyncio.sleep(fault.lasts_s)
            say("KHÔI PHỤC  healed", fault.text)
            command(f"heal {fault.address}")
            await asyncio.sleep(fault.pause_s)


class Officers:
    """The duty officers of the carriers: each acknowledges a page some seconds after it arrived."""

    def __init__(self, services: Services, say: Say) -> None:
        self._services, self._say = services, say
        self._answered: set[int] = set()
        self._answering: set[asyncio.Task[None]] = set()
        self._numbers = {number: contact for contact, (_, _, number) in CONTACTS.items()}

    def read(self, letter: Letter) -> None:
        """A message arrived: show it, and let its officer answer."""
        contact = self._numbers.get(letter.to, letter.to)
        self._say(f"{letter.channel} → {contact}", " ".join(f"{letter.subject} {letter.body}".split()))
        found = INCIDENT.search(f"{letter.subject} {letter.body}")
        if found and contact in OFFICERS and int(found[1]) not in self._answered:
            self._answered.add(int(found[1]))
            task = asyncio.create_task(self._answer(contact, int(found[1])), name="officer")
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)

    async def _answer(self, contact: str, incident_id: int) -> None:
        await asyncio.sleep(OFFICER_ANSWERS_AFTER_S)
        incident = await self._services.store.incident(incident_id)
        if incident and incident.state is IncidentState.OPEN:
            await self._services.actions.ack(incident_id, OFFICERS[contact], "Đang cử kỹ thuật kiểm tra")
            self._say("TIẾP NHẬN  ack", f"{OFFICERS[contact]} đã nhận xử lý #{incident_id}")
