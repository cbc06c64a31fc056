"""The STUN codec: the test vectors of RFC 5769, and what is no STUN message."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.endpoint import Endpoint
from probes.stun.message import (
    Attribute,
    Kind,
    MalformedMessage,
    Method,
    decode,
    encode,
    long_term_key,
    message_length,
)

KEY = b"VOkJxbRl1RmTxUk/WvJxBt"
REQUEST = bytes.fromhex(  # RFC 5769, 2.1
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff"
    "80290008932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249"
    "c1b571a280280004e57a3bcf"
)
IPV4_RESPONSE = bytes.fromhex(  # 2.2
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96"
)
IPV6_RESPONSE = bytes.fromhex(  # 2.3
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a1470113a9fa"
    "a5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c"
)
LONG_TERM_REQUEST = bytes.fromhex(  # 2.4
    "000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383e382afe382b900000015001c"
    "662f2f3439396b39353464364f4c33346f4c394653547679363473410014000b6578616d706c652e6f72670000080014"
    "f67024656dd64a3e02b8e0712e85c9a28ca89666"
)
TRANSACTION = bytes(range(12))


@pytest.mark.parametrize(
    ("response", "address"),
    [(IPV4_RESPONSE, "192.0.2.1"), (IPV6_RESPONSE, "2001:db8:1234:5678:11:2233:4455:6677")],
)
def test_the_mapped_address_of_the_rfcs_responses(response: bytes, address: str) -> None:
    message = decode(response)
    assert (message.method, message.kind) == (Method.BINDING, Kind.SUCCESS)
    assert message.address(Attribute.XOR_MAPPED_ADDRESS) == Endpoint(ip_address(address), 32853)
    assert message.attributes[Attribute.SOFTWARE] == b"test vector"
    assert message.is_signed_with(KEY)
    assert not message.is_signed_with(b"another key")


def test_the_rfcs_request_is_signed_with_its_key() -> None:
    message = decode(REQUEST)
    assert message.attributes[Attribute.USERNAME] == b"evtj:h6vY"
    assert message.is_signed_with(KEY)


def test_the_rfcs_long_term_request_is_signed_with_the_key_of_its_user() -> None:
    message = decode(LONG_TERM_REQUEST)
    assert message.is_signed_with(long_term_key("マトリックス", b"example.org", "TheMatrIX"))


def test_what_is_encoded_is_decoded_and_its_signature_is_right() -> None:
    sent = {Attribute.USERNAME: b"lw", Attribute.LIFETIME: bytes(4)}
    message = decode(encode(Method.REFRESH, Kind.REQUEST, TRANSACTION, sent, b"key"))
    assert (message.method, message.kind, message.transaction) == (Method.REFRESH, Kind.REQUEST, TRANSACTION)
    assert {attribute: message.attributes[attribute] for attribute in sent} == sent
    assert message.is_signed_with(b"key")
    assert Attribute.FINGERPRINT in message.attributes


def test_one_changed_bit_is_noticed_wherever_the_fingerprint_reaches() -> None:
    for place in range(len(IPV4_RESPONSE) - 8):
        damaged = bytearray(IPV4_RESPONSE)
        damaged[place] ^= 1
        with pytest.raises(MalformedMessage):
            decode(bytes(damaged))


def test_what_follows_the_signature_is_not_believed() -> None:
    signed = encode(Method.BINDING, Kind.SUCCESS, TRANSACTION, {}, b"key")[:-8]
    software = bytes.fromhex("80220004") + b"evil"
    forged = signed[:2] + (len(signed) - 20 + len(software)).to_bytes(2, "big") + signed[4:] + software
    message = decode(forged)
    assert message.is_signed_with(b"key")
    assert Attribute.SOFTWARE not in message.attributes


def test_a_message_without_a_signature_is_signed_by_nobody() -> None:
    assert not decode(encode(Method.BINDING, Kind.SUCCESS, TRANSACTION, {})).is_signed_with(b"")


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        (Attribute.XOR_MAPPED_ADDRESS, b"\0\1\0\0abc"),
        (Attribute.XOR_MAPPED_ADDRESS, b"\0\2\0\0abcd"),
        (Attribute.MAPPED_ADDRESS, b""),
    ],
)
def test_an_attribute_that_is_no_address_is_malformed(attribute: Attribute, value: bytes) -> None:
    message = decode(encode(Method.BINDING, Kind.SUCCESS, TRANSACTION, {attribute: value}))
    with pytest.raises(MalformedMessage, match=f"{attribute.name} is no address"):
        message.address(attribute)


@pytest.mark.parametrize("value", [b"", b"\0\0\4", b"\0\0\0\0", b"\0\0\7\x63"])
def test_an_error_without_a_code_is_malformed(value: bytes) -> None:
    message = decode(encode(Method.BINDING, Kind.ERROR, TRANSACTION, {Attribute.ERROR_CODE: value}))
    with pytest.raises(MalformedMessage, match="an error without a code"):
        _ = message.error


@given(st.binary(max_size=80))
def test_bytes_of_strangers_are_read_or_refused(data: bytes) -> None:
    for raw in (data, IPV4_RESPONSE[:8] + data, IPV4_RESPONSE[:20] + data):
        try:
            decode(raw)
        except MalformedMessage:
            continue


def test_the_end_of_a_message_in_a_stream_is_known_from_its_header() -> None:
    assert message_length(IPV4_RESPONSE[:19]) is None
    assert message_length(IPV4_RESPONSE + b"more") == len(IPV4_RESPONSE)
    with pytest.raises(MalformedMessage, match="not a STUN message"):
        message_length(b"HTTP/1.1 400 Bad Request\r\n\r\n")
