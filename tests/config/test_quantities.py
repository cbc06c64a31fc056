"""What a word of the file can mean."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkwatch.config.addresses import Address, listen, parse_address
from linkwatch.config.problems import suggest
from linkwatch.config.quantities import bandwidth, duration, flag, spell_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("0s", 0),
        ("500ms", 0.5),
        ("1s", 1),
        ("1.5s", 1.5),
        ("5m", 300),
        ("1h30m", 5400),
        ("2d", 172_800),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "-5s", "5 s", "5M", "s", "1h 30m", "1e3s", "٥s", "nan", "1us"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="allowed"):
        duration(text)


@given(st.integers(min_value=0, max_value=10**10))
def test_a_spelt_duration_reads_back(milliseconds: int) -> None:
    assert duration(spell_duration(milliseconds / 1000)) == pytest.approx(milliseconds / 1000)


def test_bandwidths_are_bits_per_second() -> None:
    assert [bandwidth(text) for text in ("512k", "100M", "2.5G", "1T")] == [512e3, 100e6, 2.5e9, 1e12]


def test_flags_know_the_words_of_old_yaml() -> None:
    assert [flag(word) for word in ("true", "Yes", "ON", "false", "no", "off")] == [True] * 3 + [False] * 3


@pytest.mark.parametrize(
    ("text", "host", "port", "is_url"),
    [
        ("10.0.0.1", "10.0.0.1", None, False),
        ("10.0.0.1:161", "10.0.0.1", 161, False),
        ("2001:db8::1", "2001:db8::1", None, False),
        ("[2001:db8::1]:161", "2001:db8::1", 161, False),
        ("dns.example", "dns.example", None, False),
        ("dns.example:53", "dns.example", 53, False),
        ("https://portal.example:8443/a?b", "portal.example", 8443, True),
        ("http://[::1]/", "::1", None, True),
    ],
)
def test_addresses_are_taken_apart(text: str, host: str, port: int | None, is_url: bool) -> None:
    address = parse_address(text)
    assert (address.host, address.port, address.is_url) == (host, port, is_url)
    assert (address.ip is None) == (host.endswith("example"))


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    with suppress(ValueError):
        assert isinstance(parse_address(text), Address)


def test_where_to_listen() -> None:
    assert [listen(text) for text in ("127.0.0.1:80", "[::]:0", "localhost:8080")] == [
        ("127.0.0.1", 80),
        ("::", 0),
        ("127.0.0.1", 8080),
    ]


@pytest.mark.parametrize("word", ["site-12", "site-3012", "site-130", "site-0123", "siet-123"])
def test_one_slip_is_forgiven_among_thousands(word: str) -> None:
    assert "did you mean 'site-" in suggest(word, {f"site-{n}": None for n in range(100, 3000)})


def test_long_lists_of_what_is_allowed_are_cut() -> None:
    assert suggest("x", [str(n) for n in range(20)]).endswith("10, 11 and 8 more)")
    assert suggest("x", []) == " (there are none)"
