"""What counts as another path, and what does not."""

from __future__ import annotations

from ipaddress import ip_address

from probes.path import Hop, Trace, changes

A, B, C, D = (f"10.0.{number}.1" for number in range(4))
SILENT = ""


def path(*hops: str, reached: bool = True) -> Trace:
    made = tuple(Hop((ip_address(hop),), (0.001,)) if hop else Hop((), (None,)) for hop in hops)
    return Trace(ip_address(D), made, reached)


def test_the_same_hops_are_no_change() -> None:
    assert changes(path(A, B, D), path(A, B, D)) == ()
    assert path(A, B, D).fingerprint == path(A, B, D).fingerprint


def test_another_router_is_a_change_and_is_named_with_its_hop() -> None:
    assert changes(path(A, B, D), path(A, C, D)) == (f"hop 2: {B} -> {C}",)
    assert path(A, B, D).fingerprint != path(A, C, D).fingerprint


def test_a_silent_router_is_no_change() -> None:
    assert changes(path(A, B, D), path(A, SILENT, D)) == ()
    assert path(A, SILENT, D).filled_from(path(A, B, D)).fingerprint == path(A, B, D).fingerprint


def test_a_hop_more_is_a_change_even_where_routers_are_silent() -> None:
    assert changes(path(SILENT, D), path(SILENT, SILENT, D)) == ("2 -> 3 hops",)


def test_a_path_that_ends_too_early_is_no_other_path() -> None:
    assert changes(path(A, B, D), path(A, reached=False)) == ()


def test_a_changed_path_takes_nothing_from_the_one_before() -> None:
    after = path(A, C, SILENT, D)
    assert after.filled_from(path(A, B, C, D)) is after
