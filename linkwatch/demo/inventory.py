"""The inventory file of the simulated province, as text: what a user would have written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from linkwatch.demo.province import IT_CENTRE, SATELLITE, VIETTEL, VNPT, District, Province

CONTACTS = {
    "it-duty": ("Trực Trung tâm CNTT-TT", IT_CENTRE, "+84900000001"),
    "vnpt-duty": ("Trực VNPT Thanh Hóa", VNPT, "+84900000002"),
    "viettel-duty": ("Trực Viettel Thanh Hóa", VIETTEL, "+84900000003"),
}
ORGANIZATIONS = {
    VNPT: "VNPT Thanh Hóa",
    VIETTEL: "Viettel Thanh Hóa",
    IT_CENTRE: "Trung tâm CNTT-TT Thanh Hóa",
}
CRITICAL_STEPS = [
    {"after": "0s", "notify": ["it-duty"], "channels": ["chat"]},
    {"after": "6s", "notify": ["fault-owner"], "channels": ["sms", "chat"]},
]
WARNING_STEPS = [{"after": "0s", "notify": ["it-duty"], "channels": ["chat"]}]
CENTRE = {"site": "trung-tam", "owner": IT_CENTRE, "class": "lan"}

Entry = dict[str, Any]


def inventory_yaml(province: Province, *, inbox: str, listen: str, store_url: str) -> str:
    """The inventory file; messages go to the inbox, a URL without scheme such as `127.0.0.1:8081`."""
    document = {
        "language": "vi",
        "instance": "linkwatch-demo",
        "scope": [f"{province.first_octet}.0.0.0/8"],
        "anchors": ["dns-1", "core-itc", "vnpt-core"],
        "organizations": {
            organization: {"name": name, "networks": [province.network(organization)]}
            for organization, name in ORGANIZATIONS.items()
        },
        "channels": {"sms": {"url": f"json://{inbox}/sms/{{to}}", "deadline": "5s"}},
        "contacts": {contact: _contact(contact, inbox) for contact in CONTACTS},
        "escalations": [
            {"match": {"severity": "critical"}, "steps": CRITICAL_STEPS, "repeat": "60s"},
            {"match": {"severity": "warning"}, "steps": WARNING_STEPS},
        ],
        "sites": dict(_sites(province)),
        "targets": [*_centre_targets(province), *_district_targets(province)],
        "server": {"listen": listen},
        "store": {"url": store_url},
    }
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False)


def _contact(contact: str, inbox: str) -> Entry:
    name, organization, number = CONTACTS[contact]
    channels = {"chat": f"json://{inbox}/chat/{contact}", "sms": number}
    return {"name": name, "organization": organization, "language": "vi", "channels": channels}


def _sites(province: Province) -> Iterator[tuple[str, Entry]]:
    city = "Thanh Hóa/TP Thanh Hóa"
    yield "trung-tam", {"name": "Trung tâm dữ liệu tỉnh", "kind": "data-centre", "area": city}
    for district in province.districts:
        kind, name = ("quarantine", "Khu cách ly") if district.quarantine else ("district", "UBND")
        area = f"Thanh Hóa/{district.name}"
        yield district.id, {"name": f"{name} {district.name}", "kind": kind, "area": area}


def _centre_targets(province: Province) -> Iterator[Entry]:
    core = province.core(IT_CENTRE)
    yield {
        "id": "core-itc",
        "name": "Bộ định tuyến lõi",
        "kind": "router",
        "address": core,
        "probes": _router_probes(province),
        **CENTRE,
    }
    yield {
        "id": "dns-1",
        "name": "Máy chủ tên miền",
        "kind": "host",
        "address": province.resolver,
        "via": ["core-itc"],
        **CENTRE,
    }
    for carrier, name in ((VNPT, "VNPT"), (VIETTEL, "Viettel")):
        yield {
            "id": f"{name.lower()}-core",
            "name": f"Mạng lõi {name}",
            "kind": "link",
            "class": "fibre",
            "site": "trung-tam",
            "owner": carrier,
            "address": province.core(carrier),
            "via": ["core-itc"],
        }
    for target, (name, kind, address) in province.web_servers.items():
        url = f"http://{address}:{province.web_port}/"
        web = {"type": "http", "interval": "5s", "timeout": "4s", "url": url}
        yield {
            "id": target,
            "name": name,
            "kind": kind,
            "address": address,
            "via": ["core-itc"],
            **CENTRE,
            "emergency": kind == "meeting-server",
            "probes": [{"type": "icmp"}, web],
        }


def _district_targets(province: Province) -> Iterator[Entry]:
    for district in province.districts:
        yield _link(province, district)
        if district.quarantine:
            yield from _quarantine_targets(province, district)


def _link(province: Province, district: District) -> Entry:
    address = province.link(district)
    link: Entry = {
        "id": f"kenh-{district.id}",
        "name": f"Kênh truyền {district.name}",
        "kind": "link",
        "class": _link_class(district),
        "site": district.id,
        "owner": district.carrier,
        "address": address,
        "via": [district.carrier.split("-")[0] + "-core"],
        "emergency": district.quarantine,
        "circuit": {"id": f"{address.split('.')[1]}TH{district.number:04d}", "bandwidth": "100M"},
    }
    if address in province.modems:
        url = f"http://{address}:{province.web_port}/"
        link["probes"] = [{"type": "http", "interval": "1s", "timeout": "1s", "url": url}]
    return link


def _quarantine_targets(province: Province, district: District) -> Iterator[Entry]:
    here = {"site": district.id, "owner": IT_CENTRE, "class": _link_class(district)}
    link, router, camera = f"kenh-{district.id}", f"router-{district.id}", f"camera-{district.id}"
    yield {
        "id": router,
        "name": f"Bộ định tuyến {district.name}",
        "kind": "router",
        "via": [link],
        "address": province.router(district),
        "probes": _router_probes(province),
        **here,
    }
    yield {
        "id": camera,
        "name": f"Camera {district.name}",
        "kind": "camera",
        "via": [router],
        "address": province.camera(district),
        **here,
    }


def _link_class(district: District) -> str:
    return "vsat" if district.name in SATELLITE else "fibre"


def _router_probes(province: Province) -> list[Entry]:
    snmp = {"type": "snmp", "interval": "15s", "timeout": "5s", "community": "public"}
    return [{"type": "icmp"}, {**snmp, "port": province.snmp_port}]
