"""What is masked, and what stays readable."""

from __future__ import annotations

import pytest

from linkwatch.notify.masking import hint, mask


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Failed to send to +84 900 000 001.", "Failed to send to ***."),
        ("Failed to send to 0900000001, error=500.", "Failed to send to ***, error=500."),
        ("POST https://api.test/bot123:ABC/send failed", "POST *** failed"),
        ("No such user nguyen.van.a@thanhhoa.test here", "No such user *** here"),
        ("token 123456789:AAE-abcdefghijklmnop refused", "token ***:AAE-abcdefghijklmnop refused"),
        ("token xoxb-1234567890abcdefgh refused", "token *** refused"),
        ("Internal Server Error, error=500.", "Internal Server Error, error=500."),
        ("Không gửi được tin", "Không gửi được tin"),
        ("two\nlines\x00", "two lines "),
    ],
)
def test_what_could_be_an_address_is_masked(text: str, masked: str) -> None:
    assert mask(text) == masked


def test_every_piece_of_a_known_address_is_masked() -> None:
    address = "mailtos://noc:pa55-word@mail.thanhhoa.test?to=duty"
    said = "noc could not log in at mail.thanhhoa.test with pa55-word"
    assert mask(said, address) == "noc could not log in at *** with ***"


def test_the_scheme_is_no_secret() -> None:
    assert mask("json notification failed", "json://host-of-the-sink/abcdef") == "json notification failed"


@pytest.mark.parametrize(
    ("address", "shown"),
    [("tgram://123:ABC/42", "tgram://***"), ("+84900000001", "***001"), ("", "***")],
)
def test_a_hint_tells_which_address_is_meant(address: str, shown: str) -> None:
    assert hint(address) == shown
