"""The simulated province: its districts, their addresses, and how packets travel there."""

from __future__ import annotations

from dataclasses import dataclass

from linkwatch.demo.paths import Path
from linkwatch.demo.wire import Conditions

DISTRICTS = (
    "TP Thanh Hóa", "TP Sầm Sơn", "TX Bỉm Sơn", "TX Nghi Sơn", "Bá Thước", "Cẩm Thủy", "Đông Sơn",
    "Hà Trung", "Hậu Lộc", "Hoằng Hóa", "Lang Chánh", "Mường Lát", "Nga Sơn", "Ngọc Lặc", "Như Thanh",
    "Như Xuân", "Nông Cống", "Quan Hóa", "Quan Sơn", "Quảng Xương", "Thạch Thành", "Thiệu Hóa",
    "Thọ Xuân", "Thường Xuân", "Triệu Sơn", "Vĩnh Lộc", "Yên Định",
)  # fmt: skip
QUARANTINE = (
    "TP Thanh Hóa", "TP Sầm Sơn", "TX Nghi Sơn", "Mường Lát", "Quan Sơn", "Quan Hóa", "Hoằng Hóa",
    "Ngọc Lặc", "Thọ Xuân", "Như Xuân", "Bá Thước", "Hậu Lộc",
)  # fmt: skip
SATELLITE = ("Mường Lát",)
MOUNTAIN = ("Quan Sơn", "Quan Hóa", "Bá Thước", "Lang Chánh", "Như Xuân", "Thường Xuân")
WITH_MODEM = ("Quan Sơn",)
VIETTEL_EVERY = 4

PLAIN = str.maketrans(
    "àáảãạăằắẳẵặâầấẩẫậèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵđ ",
    "aaaaaaaaaaaaaaaaaeeeeeeeeeeeiiiiiooooooooooooooooouuuuuuuuuuuyyyyyd-",
)
VNPT, VIETTEL, IT_CENTRE = "vnpt-thanh-hoa", "viettel-thanh-hoa", "it-centre"
SECOND_OCTET = {VNPT: 38, VIETTEL: 48, IT_CENTRE: 1}


@dataclass(frozen=True, slots=True)
class District:
    """One district: its link, and the router and camera of its quarantine site if it has one."""

    name: str
    number: int

    @property
    def id(self) -> str:
        """The name as an id."""
        return self.name.lower().translate(PLAIN)

    @property
    def carrier(self) -> str:
        """Id of the organization that operates the link."""
        return VIETTEL if self.number % VIETTEL_EVERY == 0 else VNPT

    @property
    def quarantine(self) -> bool:
        """Whether there is a quarantine site."""
        return self.name in QUARANTINE

    @property
    def delay_s(self) -> float:
        """One-way delay of the link."""
        return 0.28 if self.name in SATELLITE else 0.008 if self.name in MOUNTAIN else 0.004


@dataclass(frozen=True, slots=True)
class Province:
    """All addresses lie in `first_octet`.0.0.0/8: 10 in a network of its own, 127 on loopback."""

    first_octet: int
    web_port: int
    snmp_port: int
    wire: bool
    """Whether packets pass a wire that can be cut; on loopback only servers can break."""

    districts = tuple(District(name, number) for number, name in enumerate(DISTRICTS, 1))

    @property
    def watcher(self) -> str:
        """LinkWatch's own address."""
        return f"{self.first_octet}.255.0.1"

    @property
    def resolver(self) -> str:
        """Address of the name server."""
        return f"{self.first_octet}.1.0.53"

    @property
    def web_servers(self) -> dict[str, tuple[str, str, str]]:
        """Target id -> name, kind, address."""
        centre = f"{self.first_octet}.1.0"
        return {
            "hop-truc-tuyen-1": ("Máy chủ họp trực tuyến 1", "meeting-server", f"{centre}.10"),
            "hop-truc-tuyen-2": ("Máy chủ họp trực tuyến 2", "meeting-server", f"{centre}.11"),
            "dich-vu-cong": ("Cổng dịch vụ công", "portal", f"{centre}.20"),
            "van-ban": ("Hệ thống quản lý văn bản", "portal", f"{centre}.21"),
        }

    @property
    def modems(self) -> dict[str, str]:
        """Address -> name of each link that is watched by the web page of its modem, for it cannot be cut."""
        if self.wire:
            return {}
        return {self.link(one): f"Modem {one.name}" for one in self.districts if one.name in WITH_MODEM}

    def core(self, organization: str) -> str:
        """Address of an organization's core router."""
        return f"{self.first_octet}.{SECOND_OCTET[organization]}.0.1"

    def network(self, organization: str) -> str:
        """The prefix that an organization answers for."""
        return f"{self.first_octet}.{SECOND_OCTET[organization]}.0.0/16"

    def link(self, district: District) -> str:
        """Address of a district's link."""
        return f"{self.first_octet}.{SECOND_OCTET[district.carrier]}.{district.number}.1"

    def router(self, district: District) -> str:
        """Address of the router of a quarantine site."""
        return f"{self.first_octet}.{SECOND_OCTET[district.carrier]}.{district.number}.2"

    def camera(self, district: District) -> str:
        """Address of the camera of a quarantine site."""
        return f"{self.first_octet}.{SECOND_OCTET[district.carrier]}.{district.number}.3"

    def snmp_agents(self) -> dict[str, str]:
        """Address -> host name of everything that speaks SNMP."""
        sites = [district for district in self.districts if district.quarantine]
        return {self.core(IT_CENTRE): "core-itc"} | {
            self.router(district): f"router-{district.id}" for district in sites
        }

    def paths(self) -> dict[str, Path]:
        """How packets travel to every address."""
        centre = self.core(IT_CENTRE)
        inside = (self.resolver, *(address for _, _, address in self.web_servers.values()))
        found = {address: Path(Conditions(0.0004, 0.0002), (centre, address)) for address in inside}
        found[centre] = Path(Conditions(0.0003, 0.0001), (centre,))
        for carrier in (VNPT, VIETTEL):
            found[self.core(carrier)] = Path(Conditions(0.001, 0.0005), (centre, self.core(carrier)))
        for district in self.districts:
            found |= self._district_paths(district)
        return found

    def _district_paths(self, district: District) -> dict[str, Path]:
        link, router, camera = self.link(district), self.router(district), self.camera(district)
        way = (self.core(IT_CENTRE), self.core(district.carrier), link)
        delay_s, jitter_s = district.delay_s, district.delay_s / 10
        found = {link: Path(Conditions(delay_s, jitter_s), way)}
        if district.quarantine:
            found[router] = Path(Conditions(delay_s + 0.0005, jitter_s), (*way, router))
            found[camera] = Path(Conditions(delay_s + 0.001, jitter_s), (*way, router, camera))
        return found


OWN_NETWORK = Province(10, web_port=80, snmp_port=161, wire=True)
LOOPBACK = Province(127, web_port=18080, snmp_port=11161, wire=False)
