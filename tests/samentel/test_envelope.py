import base64
import json
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samentel.documents.envelope import (
    MAX_PAYLOAD,
    MAX_SIGNATURES,
    Envelope,
    Signature,
    countersign,
    from_json,
    open_envelope,
    pae,
    seal,
    to_json,
)
from samentel.documents.keys import SigningKey
from samentel.errors import DocumentError, PeerError

KIND = "application/vnd.samentel.test.v1+json"
OTHER = "application/vnd.samentel.other.v1+json"


def opened(envelope: Envelope, keys: list[SigningKey], threshold: int = 1, kind: str = KIND) -> bytes:
    return open_envelope(envelope, kind, [key.public for key in keys], threshold)


def test_what_is_signed_is_the_encoding_of_the_dsse_specification() -> None:
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    assert pae("é", b"") == b"DSSEv1 2 \xc3\xa9 0 "


@given(st.text(), st.binary(), st.text(), st.binary())
def test_two_documents_are_signed_alike_only_if_they_are_the_same(a: str, b: bytes, c: str, d: bytes) -> None:
    def utf8(text: str) -> bool:
        return not any("\ud800" <= letter <= "\udfff" for letter in text)

    if utf8(a) and utf8(c):
        assert (pae(a, b) == pae(c, d)) == ((a, b) == (c, d))


def test_a_document_opens_for_the_key_that_signed_it(keys: tuple[SigningKey, ...]) -> None:
    assert opened(seal(KIND, b"payload", keys[0]), [keys[0]]) == b"payload"
    assert opened(seal(KIND, b"payload", keys[0]), [keys[1], keys[0]]) == b"payload"


def test_only_different_keys_reach_a_threshold(keys: tuple[SigningKey, ...]) -> None:
    one, two = keys[0], keys[1]
    assert opened(seal(KIND, b"x", one, two), [one, two], 2) == b"x"
    for envelope, known in (
        (seal(KIND, b"x", one), [one, two]),
        (seal(KIND, b"x", one, one, one), [one, two]),
        (seal(KIND, b"x", one), [one, one]),
        (seal(KIND, b"x", one, one), [one, one]),
        (seal(KIND, b"x", one, keys[2]), [one, two]),
        (seal(KIND, b"x"), [one, two]),
    ):
        with pytest.raises(PeerError, match="of the 2 signatures needed"):
            opened(envelope, known, 2)


def test_a_threshold_of_none_is_a_mistake_of_ours(keys: tuple[SigningKey, ...]) -> None:
    with pytest.raises(ValueError, match="at least one"):
        opened(seal(KIND, b"x"), [keys[0]], 0)


def test_no_known_key_opens_nothing(keys: tuple[SigningKey, ...]) -> None:
    with pytest.raises(PeerError):
        opened(seal(KIND, b"x", keys[0]), [])


def test_a_signature_holds_for_one_type_and_payload_only(keys: tuple[SigningKey, ...]) -> None:
    envelope = seal(KIND, b"payload", keys[0])
    with pytest.raises(PeerError, match="was expected"):
        opened(envelope, [keys[0]], kind=OTHER)
    with pytest.raises(PeerError, match="0 of the 1"):
        opened(replace(envelope, payload_type=OTHER), [keys[0]], kind=OTHER)
    with pytest.raises(PeerError, match="0 of the 1"):
        opened(replace(envelope, payload=b"payloae"), [keys[0]])


@pytest.mark.parametrize("known", [0, 1])
def test_a_key_id_is_a_hint_and_proves_nothing(keys: tuple[SigningKey, ...], known: int) -> None:
    honest = seal(KIND, b"x", keys[0]).signatures[0]
    lying = Envelope(b"x", KIND, (Signature(keys[1].public.key_id, honest.signature),))
    with pytest.raises(PeerError):
        opened(lying, [keys[known]])


def test_one_good_signature_among_bad_ones_counts_once(keys: tuple[SigningKey, ...]) -> None:
    good = seal(KIND, b"x", keys[0]).signatures
    junk = tuple(Signature(key.public.key_id, bytes(64)) for key in keys[1:10])
    assert opened(Envelope(b"x", KIND, junk + good), list(keys[:10])) == b"x"
    with pytest.raises(PeerError, match="1 of the 2"):
        opened(Envelope(b"x", KIND, junk + good), list(keys[:10]), 2)


def test_signatures_past_the_most_that_are_looked_at_do_not_count(keys: tuple[SigningKey, ...]) -> None:
    good = seal(KIND, b"x", keys[0]).signatures
    junk = (Signature("0" * 64, bytes(64)),)
    assert opened(Envelope(b"x", KIND, junk * (MAX_SIGNATURES - 1) + good), [keys[0]]) == b"x"
    with pytest.raises(PeerError):
        opened(Envelope(b"x", KIND, junk * MAX_SIGNATURES + good), [keys[0]])


def test_a_countersignature_is_added_once(keys: tuple[SigningKey, ...]) -> None:
    both = countersign(seal(KIND, b"x", keys[0]), keys[1])
    assert opened(both, [keys[0], keys[1]], 2) == b"x"
    assert countersign(both, keys[1]) == both
    assert countersign(both, keys[0]) == both


def test_junk_under_my_name_cannot_keep_me_from_signing(keys: tuple[SigningKey, ...]) -> None:
    blocked = Envelope(b"x", KIND, (Signature(keys[0].public.key_id, bytes(64)),))
    assert opened(countersign(blocked, keys[0]), [keys[0]]) == b"x"


def test_an_envelope_reads_back_from_its_file(keys: tuple[SigningKey, ...]) -> None:
    envelope = seal(KIND, bytes(range(256)), *keys[:MAX_SIGNATURES])
    assert from_json(to_json(envelope)) == envelope
    assert to_json(envelope).endswith(b"}\n")
    assert set(json.loads(to_json(envelope))) == {"payload", "payloadType", "signatures"}


def file(**changes: object) -> bytes:
    value = {"payload": "eA==", "payloadType": KIND, "signatures": [{"keyid": "a", "sig": "eA=="}]}
    return json.dumps({**value, **changes}).encode()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff\xfe", id="not text"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b"9" * 10_000, id="long number"),
        pytest.param(b"{}", id="no parts"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"null", id="null"),
        pytest.param(file(payload="!"), id="not base64"),
        pytest.param(file(payload="é"), id="not ascii"),
        pytest.param(file(payload=5), id="payload a number"),
        pytest.param(file(signatures={}), id="signatures a table"),
        pytest.param(file(signatures="ab"), id="signatures a text"),
        pytest.param(file(signatures=[{"keyid": "a"}]), id="no sig"),
        pytest.param(file(signatures=[["a", "b"]]), id="signature a list"),
    ],
)
def test_a_file_that_is_no_envelope_is_refused_in_one_sentence(data: bytes) -> None:
    with pytest.raises(DocumentError, match="not a DSSE envelope"):
        from_json(data)


def test_an_envelope_that_is_too_large_is_refused() -> None:
    with pytest.raises(DocumentError, match="larger than"):
        from_json(b" " * (2 * MAX_PAYLOAD + 1))
    exact = base64.b64encode(bytes(MAX_PAYLOAD)).decode()
    assert len(from_json(file(payload=exact)).payload) == MAX_PAYLOAD
    with pytest.raises(DocumentError, match="its payload is larger"):
        from_json(file(payload=base64.b64encode(bytes(MAX_PAYLOAD + 1)).decode()))


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_an_envelope_or_a_document_error(data: bytes) -> None:
    with suppress(DocumentError):
        from_json(data)


@given(st.data())
def test_a_damaged_envelope_file_reads_or_is_a_document_error_and_never_opens_to_something_else(
    data: st.DataObject,
) -> None:
    key = SigningKey(bytes(32))
    good = to_json(seal(KIND, b'{"a": 1}', key))
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, min(len(good), start + 4)))
    damaged = good[:start] + data.draw(st.binary(max_size=4)) + good[end:]
    with suppress(DocumentError, PeerError):
        assert opened(from_json(damaged), [key]) == b'{"a": 1}'
