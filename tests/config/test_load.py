"""The whole way from files to a checked configuration."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from linkwatch.config.load import ConfigErrors, load
from linkwatch.config.probesettings import allowed_keys
from linkwatch.config.problems import suggest
from linkwatch.config.settings import Config
from linkwatch.core.inventory import Circuit, EscalationPolicy, Kind, Objectives, Step
from linkwatch.core.topology import UpstreamGraph
from probes import registry

BROKEN = Path(__file__).parent / "broken"
EXAMPLE = Path(__file__).parents[2] / "examples" / "thanh-hoa.yml"
ONE_HOST = "targets: [{id: a, kind: host, address: 10.0.0.1}]\n"

Write = Callable[[str], Config]


@pytest.fixture
def read(tmp_path: Path) -> Write:
    def write_and_load(text: str, **environ: str) -> Config:
        file = tmp_path / "inventory.yml"
        file.write_text(text, encoding="utf-8")
        return load(file, environ)

    return write_and_load


def broken_cases() -> list[Path]:
    return sorted([*BROKEN.glob("*.yml"), *(path for path in BROKEN.iterdir() if path.is_dir())])


def expectation(file: Path) -> str:
    """The text of a file, with the probes and settings that exist now: they are not ours to list."""
    text = (
        file.read_text(encoding="utf-8")
        .rstrip("\n")
        .replace("(probes)", suggest("", registry.kinds()).strip())
    )
    for kind in registry.kinds():
        text = text.replace(f"(keys of {kind})", suggest("", allowed_keys(kind)).strip())
    return text


@pytest.mark.parametrize("path", broken_cases(), ids=lambda path: path.stem)
def test_a_broken_file_is_told_of_exactly(path: Path) -> None:
    with pytest.raises(ConfigErrors) as caught:
        load(path, {})
    assert str(caught.value).replace(f"{BROKEN}/", "") == expectation(path.with_suffix(".txt"))


def test_every_expectation_belongs_to_a_broken_file() -> None:
    assert {path.stem for path in BROKEN.glob("*.txt")} == {path.stem for path in broken_cases()}


def test_a_missing_file_is_told_of_without_a_traceback(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors, match=r"none\.yml:1: cannot be read: No such file or directory"):
        load(tmp_path / "none.yml")
    with pytest.raises(ConfigErrors, match=r"holds no \*\.yml file"):
        load(tmp_path)


def test_the_example_province_loads_clean() -> None:
    config = load(EXAMPLE, {})
    inventory = config.inventory
    areas = {site.area.split("/")[1] for site in inventory.sites.values()}
    assert len(areas) == 27
    assert {target.kind for target in inventory.targets.values()} == set(Kind)
    assert all(inventory.objectives(target) != Objectives() for target in inventory.targets.values())
    UpstreamGraph(inventory.targets)


def test_the_same_file_gives_an_equal_configuration() -> None:
    assert load(EXAMPLE, {}) == load(EXAMPLE, {})


def test_every_field_of_the_file_arrives(read: Write) -> None:
    config = read(
        """
organizations: {vnpt: {name: VNPT Thanh Hóa, networks: [10.38.0.0/16]}}
contacts: {duty: {name: Trực, organization: vnpt, language: en, channels: {sms: 0900 000.001}}}
channels: {sms: {url: "json://127.0.0.1/{to}", deadline: 5s, rank: 2}}
sites: {kcl: {name: Khu, kind: quarantine, area: Thanh Hóa/A, location: [19.84, 105.79], contacts: [duty]}}
targets:
  - {id: link, name: Tuyến, kind: link, class: 4g, site: kcl, owner: vnpt, address: 10.38.1.1, emergency: yes,
     circuit: {id: 038TH, bandwidth: 2.5G}}
server: {listen: "[::1]:0", public_url: "https://linkwatch.example/"}
store: {url: "postgresql://127.0.0.1/linkwatch"}
language: en
instance: north
"""
    )
    inventory = config.inventory
    target = inventory.targets["link"]
    assert (target.name, target.site, target.owner, target.emergency) == ("Tuyến", "kcl", "vnpt", True)
    assert target.circuit == Circuit("038TH", 2.5e9)
    assert inventory.organizations["vnpt"].duty == ("duty",)
    assert inventory.contacts["duty"].channels == {"sms": "0900000001"}
    assert inventory.sites["kcl"].location == (19.84, 105.79)
    assert (config.channels["sms"].deadline_s, config.channels["sms"].rank) == (5.0, 2)
    assert (config.server.host, config.server.port) == ("::1", 0)
    assert config.server.public_url == "https://linkwatch.example"
    assert (config.store_url, config.language, config.instance) == (
        "postgresql://127.0.0.1/linkwatch",
        "en",
        "north",
    )


@pytest.mark.parametrize(
    ("kind", "address", "probes"),
    [
        ("link", "10.0.0.1", ["icmp"]),
        ("router", "10.0.0.1", ["icmp", "snmp"]),
        ("meeting-server", "https://10.0.0.1/", ["icmp", "http"]),
        ("camera", "10.0.0.1", ["icmp"]),
        ("portal", "https://10.0.0.1/", ["http"]),
        ("host", "10.0.0.1", ["icmp"]),
    ],
)
def test_every_kind_has_probes_and_objectives_of_its_own(
    read: Write, kind: str, address: str, probes: list[str]
) -> None:
    config = read(f"targets: [{{id: a, kind: {kind}, address: '{address}'}}]")
    target = config.inventory.targets["a"]
    assert [spec.type for spec in target.probes] == probes
    assert config.inventory.objectives(target).rtt_s is not None


def test_probe_settings_are_read_by_their_types(read: Write) -> None:
    config = read(
        """
defaults: {snmp: {community: "${COMMUNITY:-abc}", interval: 1m, retries: 3}}
targets:
  - id: a
    kind: router
    address: 10.0.0.1
    probes:
      - {type: icmp, interval: 500ms, timeout: 2s, size: 1400}
      - {type: snmp, retries: 0, request_timeout: 500ms, types: 6, admin_down: on}
      - {type: http, name: web, timeout: 5s, status: [200, 3xx], headers: {X-Number: 012}}
"""
    )
    icmp, snmp, http = config.inventory.targets["a"].probes
    assert (icmp.interval_s, icmp.timeout_s, icmp.settings.size) == (0.5, 2.0, 1400)
    assert (snmp.interval_s, snmp.settings.community, snmp.settings.retries) == (60.0, "abc", 0)
    assert (snmp.settings.request_timeout_s, snmp.settings.types, snmp.settings.admin_down) == (
        0.5,
        ("6",),
        True,
    )
    assert (http.name, http.timeout_s, http.settings.status) == ("web", 5.0, ("200", "3xx"))
    assert http.settings.headers == {"X-Number": "012"}


def test_the_steps_of_a_journey_are_read_with_their_secrets(read: Write) -> None:
    config = read(
        """
targets:
  - id: portal
    kind: portal
    address: http://10.0.0.1/
    probes:
      - type: journey
        username: noc
        password: "${PASSWORD}"
        steps:
          - {name: form, url: /login, carry: {csrf: 'regex:value="(.*)"'}}
          - {name: log-in, url: /session, form: {csrf: "{{csrf}}", password: "${PASSWORD}"}, status: 3xx}
""",
        PASSWORD="m4t-kh4u",
    )
    [spec] = config.inventory.targets["portal"].probes
    form, log_in = spec.settings.steps
    assert (spec.interval_s, spec.timeout_s) == (60.0, 30.0)
    assert form.carry == {"csrf": 'regex:value="(.*)"'}
    assert (log_in.name, log_in.form["password"], log_in.status) == ("log-in", "m4t-kh4u", ("3xx",))
    assert "m4t-kh4u" not in repr(config)


def test_a_long_look_at_a_camera_has_the_time_that_it_takes(read: Write) -> None:
    given = "targets: [{id: a, kind: camera, address: 10.0.0.1, probes: [{type: rtsp, watch: 20s}]}]"
    [spec] = read(given).inventory.targets["a"].probes
    assert (spec.settings.watch_s, spec.timeout_s) == (20.0, 21.0)


def test_files_of_a_probe_lie_beside_the_inventory(read: Write, tmp_path: Path) -> None:
    config = read(
        """
defaults: {http: {ca_file: ca.pem}}
targets:
  - id: a
    kind: portal
    address: https://10.0.0.1/
    probes: [{type: http, client_cert_file: sub/own.pem, client_key_file: /etc/key.pem}]
"""
    )
    settings = config.inventory.targets["a"].probes[0].settings
    assert settings.ca_file == str(tmp_path / "ca.pem")
    assert settings.client_cert_file == str(tmp_path / "sub" / "own.pem")
    assert settings.client_key_file == "/etc/key.pem"


def test_files_of_the_entries_of_a_probe_lie_there_too(read: Write, tmp_path: Path) -> None:
    config = read(
        """
targets:
  - id: a
    kind: meeting-server
    address: 10.0.0.1
    probes: [{type: jitsi, inside: [{jicofo: "https://10.0.0.1:8443/jicofo", ca_file: sub/ca.pem}]}]
"""
    )
    [inside] = config.inventory.targets["a"].probes[0].settings.inside
    assert inside.ca_file == str(tmp_path / "sub" / "ca.pem")


def test_equal_probe_entries_share_one_spec(read: Write) -> None:
    row = "{{id: {0}, kind: router, address: 10.0.0.1, probes: [{{type: snmp, port: 1161}}]}}"
    targets = read(f"targets: [{row.format('a')}, {row.format('b')}]").inventory.targets
    assert targets["a"].probes[0] is targets["b"].probes[0]


def test_scope_left_out_is_the_targets_and_the_organizations(read: Write) -> None:
    config = read("organizations: {o: {networks: [10.38.0.0/16]}}\n" + ONE_HOST)
    scope = config.inventory.scope
    assert scope.networks == (ip_network("10.38.0.0/16"), ip_network("10.0.0.1/32"))
    assert not scope.allows(ip_address("10.0.0.2"))


def test_a_file_overrides_parts_of_a_built_in_class_and_adds_its_own(read: Write) -> None:
    config = read("classes: {fibre: {rtt: 50ms}, microwave: {loss: 0.02}}\n" + ONE_HOST)
    fibre = config.inventory.classes["fibre"]
    assert (fibre.rtt_s, fibre.loss_ratio) == (0.05, 0.01)
    assert config.inventory.classes["microwave"] == Objectives(loss_ratio=0.02)


def test_what_stands_behind_a_link_has_the_class_of_the_link(read: Write) -> None:
    targets = read(
        """
targets:
  - {id: core, kind: router, class: lan, address: 10.0.0.1}
  - {id: satellite, kind: link, class: vsat, address: 10.0.0.2, via: [core]}
  - {id: plain, kind: link, address: 10.0.0.3, via: [core]}
  - {id: router, kind: router, address: 10.0.0.4, via: [satellite, plain]}
  - {id: camera, kind: camera, address: 10.0.0.5, via: [router]}
  - {id: other, kind: camera, address: 10.0.0.6, via: [plain]}
  - {id: server, kind: host, address: 10.0.0.7, via: [core]}
  - {id: alone, kind: host, address: 10.0.0.8}
"""
    ).inventory.targets
    assert {name: target.link_class for name, target in targets.items()} == {
        "core": "lan",
        "satellite": "vsat",
        "plain": "fibre",
        "router": "vsat",
        "camera": "vsat",
        "other": "fibre",
        "server": "lan",
        "alone": "lan",
    }


def test_escalations_left_out_tell_everybody_and_then_the_fault_owner(read: Write) -> None:
    contacts = 'contacts: {a: {organization: o, channels: {chat: "json://127.0.0.1/"}}, deaf: {}}\n'
    config = read("organizations: {o: {}}\n" + contacts + ONE_HOST)
    steps = (Step(0.0, ("a",)), Step(300.0, ("fault-owner",)))
    assert config.inventory.escalations == (
        EscalationPolicy({"severity": "~critical|warning"}, steps, 900.0),
    )
    assert read(ONE_HOST).inventory.escalations == ()


def test_plain_words_stay_words(read: Write) -> None:
    config = read(
        "sites: {no: {name: on, area: 1:30}}\ntargets: [{id: off, kind: host, address: 10.0.0.1, site: no}]"
    )
    site = config.inventory.sites["no"]
    assert (site.name, site.area, config.inventory.targets["off"].site) == ("on", "1:30", "no")


def test_anchors_and_merge_keys_work(read: Write) -> None:
    config = read(
        """
x-camera: &camera {kind: camera, emergency: true, probes: [{type: icmp, interval: 2s}]}
targets:
  - {<<: *camera, id: a, address: 10.0.0.1}
  - {<<: *camera, id: b, address: 10.0.0.2, emergency: false}
"""
    )
    a, b = config.inventory.targets.values()
    assert (a.emergency, b.emergency, a.probes[0].interval_s, a.kind) == (True, False, 2.0, Kind.CAMERA)


def test_a_mistake_in_a_merged_entry_is_told_at_its_own_line(read: Write) -> None:
    with pytest.raises(ConfigErrors, match=r"yml:1: targets\[a\]\.colour"):
        read("x-a: &a {colour: red}\ntargets: [\n{<<: *a, id: a, kind: host, address: 10.0.0.1}]")


def test_a_folder_is_one_inventory(tmp_path: Path) -> None:
    (tmp_path / "1.yml").write_text("targets: [{id: a, kind: host, address: 10.0.0.1}]\nsites: {s: {}}")
    (tmp_path / "2.yaml").write_text(
        "targets: [{id: b, kind: host, address: 10.0.0.2, via: [a], site: t}]\nsites: {t: {}}"
    )
    (tmp_path / "notes.txt").write_text("not an inventory")
    config = load(tmp_path)
    assert list(config.inventory.targets) == ["a", "b"]
    assert list(config.inventory.sites) == ["s", "t"]
    assert [source.name for source in config.sources] == ["1.yml", "2.yaml"]


def test_rules_and_secret_files_are_found_beside_the_file(tmp_path: Path, read: Write) -> None:
    (tmp_path / "rules").mkdir()
    for name in ("b.yml", "a.yml"):
        (tmp_path / "rules" / name).write_text("groups: []")
    (tmp_path / "token").write_text("s3cret-token\n")
    config = read(
        f'rules: [rules/*.yml, {tmp_path}/rules/a.yml]\ncontacts: {{d: {{channels: {{chat: "json://h/${{file:token}}"}}}}}}\n'
        + ONE_HOST
    )
    assert [file.name for file in config.rule_files] == ["a.yml", "b.yml"]
    assert config.inventory.contacts["d"].channels["chat"] == "json://h/s3cret-token"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("", "sqlite:///{here}/linkwatch.db"),
        ("sqlite:///a/b.db", "sqlite:///{here}/a/b.db"),
        ("sqlite:////var/lib/b.db", "sqlite:////var/lib/b.db"),
        ("sqlite:///file:b.db?uri=true", "sqlite:///file:b.db?uri=true"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
    ],
)
def test_a_store_lies_beside_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, meant: str
) -> None:
    store = f'store: {{url: "{written}"}}\n' if written else ""
    (tmp_path / "inventory.yml").write_text(f"{store}targets: [{{id: a, kind: host, address: 127.0.0.1}}]")
    monkeypatch.chdir(tmp_path.parent)
    config = load(Path(tmp_path.name, "inventory.yml"))
    assert config.store_url == meant.format(here=tmp_path)


def test_rules_left_out_are_the_shipped_ones(read: Write) -> None:
    assert read(ONE_HOST).rule_files == load(EXAMPLE, {}).rule_files != ()


def test_references_to_the_environment(read: Write) -> None:
    text = 'contacts: {d: {channels: {chat: "json://${HOST:-127.0.0.1}/${WHO}/$${x}"}}}\n' + ONE_HOST
    config = read(text, WHO="${HOST}")
    assert config.inventory.contacts["d"].channels["chat"] == "json://127.0.0.1/${HOST}/${x}"


@pytest.mark.parametrize("protection", ["trusted_proxy: [10.0.0.0/8]", "plain: [172.16.0.0/12]"])
def test_listening_beyond_loopback_needs_protection(read: Write, protection: str) -> None:
    config = read(f'server: {{listen: "0.0.0.0:8080", {protection}}}\n' + ONE_HOST)
    assert config.server.host == "0.0.0.0"


def test_tls_files_are_found_beside_the_file(tmp_path: Path, read: Write) -> None:
    for name in ("chain.pem", "key.pem"):
        (tmp_path / name).write_text("")
    tls = read(
        'server: {listen: "0.0.0.0:8443", tls: {certificate: chain.pem, key: key.pem}}\n' + ONE_HOST
    ).server.tls
    assert tls is not None
    assert (tls.certificate, tls.key) == (tmp_path / "chain.pem", tmp_path / "key.pem")


def test_addresses_of_contacts_and_stores_are_not_in_the_repr() -> None:
    assert "+84900000001" not in repr(load(EXAMPLE, {}))
    assert "doi-chuoi-nay" not in repr(load(EXAMPLE, {}))


def test_a_configuration_is_plain_data() -> None:
    def kinds(value: Any) -> set[type]:
        if dataclasses.is_dataclass(value):
            return set().union(*(kinds(getattr(value, f.name)) for f in dataclasses.fields(value)))
        return {type(value)}

    assert not [kind for kind in kinds(load(EXAMPLE, {})) if kind.__module__.startswith("pydantic")]
