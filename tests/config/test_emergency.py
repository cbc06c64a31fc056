"""What is the only way to an emergency target is an emergency target, too."""

from __future__ import annotations

from pathlib import Path

from linkwatch.config.load import load


def emergencies(tmp_path: Path, *targets: str) -> set[str]:
    rows = "".join(
        f"  - {{kind: host, address: 10.0.0.{i}, {target}}}\n" for i, target in enumerate(targets, 1)
    )
    (tmp_path / "inventory.yml").write_text(f"targets:\n{rows}")
    inventory = load(tmp_path / "inventory.yml", {}).inventory
    return {target.id for target in inventory.targets.values() if target.emergency}


def test_the_only_way_to_an_emergency_target_is_one_all_the_way_up(tmp_path: Path) -> None:
    found = emergencies(
        tmp_path,
        "id: meeting, emergency: true, via: [link]",
        "id: link, via: [core]",
        "id: core",
        "id: other",
    )
    assert found == {"meeting", "link", "core"}


def test_one_of_two_ways_is_not_needed(tmp_path: Path) -> None:
    found = emergencies(
        tmp_path, "id: meeting, emergency: true, via: [fibre, vsat]", "id: fibre, via: [core]", "id: vsat",
        "id: core",
    )  # fmt: skip
    assert found == {"meeting"}


def test_what_stands_behind_an_emergency_target_is_none(tmp_path: Path) -> None:
    assert emergencies(tmp_path, "id: link, emergency: true", "id: camera, via: [link]") == {"link"}


def test_a_written_no_holds_for_that_target_alone(tmp_path: Path) -> None:
    found = emergencies(
        tmp_path, "id: meeting, emergency: true, via: [link]", "id: link, emergency: false, via: [core]",
        "id: core",
    )  # fmt: skip
    assert found == {"meeting", "core"}


def test_an_empty_value_counts_as_left_out(tmp_path: Path) -> None:
    assert emergencies(tmp_path, "id: a, emergency: true, via: [b]", "id: b, emergency: ") == {"a", "b"}


def test_order_in_the_file_does_not_matter(tmp_path: Path) -> None:
    assert emergencies(
        tmp_path, "id: core", "id: link, via: [core]", "id: a, emergency: true, via: [link]",
        "id: b, emergency: true, via: [link]",
    ) == {"a", "b", "link", "core"}  # fmt: skip


def test_the_cores_of_the_example_are_needed_by_its_emergency_targets() -> None:
    targets = load(Path(__file__).parents[2] / "examples" / "thanh-hoa.yml", {}).inventory.targets
    assert all(targets[name].emergency for name in ("core-itc", "vnpt-core", "viettel-core"))
    assert not targets["dns-1"].emergency
