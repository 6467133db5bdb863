"""From invitation to certificate and beyond, over the wire, with everything that can go wrong on the way."""

import os
import tomllib
from datetime import timedelta

import grpc
import pytest

from aggregator import authority as ca
from aggregator import daemon, documents, enrolment
from aggregator.book import opened
from samentel.documents import programme as programmes
from samentel.documents import roster as rosters
from samentel.documents.access import Endpoint
from samentel.documents.envelope import seal
from samentel.documents.keys import SigningKey, fingerprint
from samentel.documents.model import from_toml
from samentel.errors import DocumentError, LocalFault, PeerError, Refusal
from samentel.wire import messages as m
from samentel.wire import methods as M

CODE = grpc.StatusCode


async def refused(call):
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return error.value.code(), error.value.details()


async def test_a_person_stands_between_enrolling_and_a_certificate(serving):
    peer = serving.invite("amber")
    link = peer.invited_link()
    said = (await link.call(M.ENROL, peer.enrolment())).fingerprint
    assert said == fingerprint(ca.read_request(peer.request).spki, peer.protocol.public.raw)
    assert enrolment.pending(serving.config) == [("amber", said)]
    waiting = await link.call(M.GET_ENROLMENT, m.GetEnrolmentRequest())
    assert (waiting.confirmed, waiting.certificate_chain) == (False, b"")

    with pytest.raises(PeerError, match="not the fingerprint") as wrong:
        enrolment.confirm(serving.config, "amber", "00000 " * 6)
    assert said not in str(wrong.value), "the right one would be read back to whoever asks"
    assert not (await link.call(M.GET_ENROLMENT, m.GetEnrolmentRequest())).confirmed

    enrolment.confirm(serving.config, "amber", said.replace(" ", "-"))
    enrolment.confirm(serving.config, "amber", said)
    answer = await link.call(M.GET_ENROLMENT, m.GetEnrolmentRequest())
    assert answer.confirmed
    assert ca.certificate_name(answer.certificate_chain) == ca.read_request(peer.request).name
    assert enrolment.pending(serving.config) == []


async def test_the_same_request_again_is_harmless_and_another_is_refused(serving):
    peer = serving.invite("amber")
    link = peer.invited_link()
    first = await link.call(M.ENROL, peer.enrolment())
    assert await link.call(M.ENROL, peer.enrolment()) == first
    stranger = SigningKey(os.urandom(32))
    other = m.EnrolRequest(peer.request, stranger.public.raw, stranger.sign(peer.request))
    assert (await refused(link.call(M.ENROL, other)))[0] is CODE.ALREADY_EXISTS
    enrolment.confirm(serving.config, "amber", first.fingerprint)
    assert (await refused(link.call(M.ENROL, other)))[0] is CODE.ALREADY_EXISTS
    assert await link.call(M.ENROL, peer.enrolment()) == first


@pytest.mark.parametrize(
    ("change", "why"),
    [
        pytest.param({"proof": b"\0" * 64}, "proof of possession", id="no-proof"),
        pytest.param({"certificate_request": b"\0" * 64}, "not a certificate request", id="no-request"),
        pytest.param({"protocol_key": b"\xff" * 32}, "proof of possession", id="no-key"),
    ],
)
async def test_an_application_that_does_not_hold_is_refused(serving, change, why):
    peer = serving.invite("amber")
    good = peer.enrolment()
    parts = {name: getattr(good, name) for name in ("certificate_request", "protocol_key", "proof")}
    code, text = await refused(peer.invited_link().call(M.ENROL, m.EnrolRequest(**{**parts, **change})))
    assert (code, why in text) == (CODE.INVALID_ARGUMENT, True)
    assert enrolment.pending(serving.config) == []


async def test_two_institutions_cannot_share_a_key(serving, tools):
    first = await tools.enrol(serving, "amber")
    second = serving.invite("beryl")
    second.protocol = first.protocol
    code, text = await refused(second.invited_link().call(M.ENROL, second.enrolment()))
    assert (code, text) == (CODE.ALREADY_EXISTS, "this key is in use by another institution")


async def test_a_new_invitation_replaces_the_old_one_until_the_node_is_confirmed(serving, tools):
    first = serving.invite("amber")
    link = first.invited_link()
    await link.call(M.ENROL, first.enrolment())
    second = serving.invite("amber")
    assert (await refused(link.call(M.GET_ENROLMENT, m.GetEnrolmentRequest())))[0] is CODE.UNAUTHENTICATED
    assert enrolment.pending(serving.config) == []
    said = (await second.invited_link().call(M.ENROL, second.enrolment())).fingerprint
    enrolment.confirm(serving.config, "amber", said)
    with pytest.raises(LocalFault, match="revoke it first"):
        serving.invite("amber")


async def test_a_revoked_node_can_be_invited_anew_and_comes_with_its_new_key(federation, tools):
    before = federation.peers["amber"]
    enrolment.revoke(federation.config, "node", "amber")
    draft = rosters.parse(documents.draft_roster(federation.config))
    assert [entry.node for entry in draft.institutions] == ["beryl", "coral", "dune"]
    after = await tools.enrol(federation, "amber")
    assert (await refused(before.link().call(M.POLL, tools.poll())))[0] is CODE.UNAUTHENTICATED
    assert (await after.link().call(M.POLL, tools.poll())).cursor > 0
    draft = rosters.parse(documents.draft_roster(federation.config))
    assert draft.institution("amber").verify_key == after.protocol.public
    assert draft.version == 2
    before.links.clear()


async def test_an_invitation_expires_even_on_an_open_connection(central):
    from datetime import UTC, datetime

    shift = [timedelta(0)]
    async with daemon.running(central.config, lambda: datetime.now(UTC) + shift[0]):
        peer = central.invite("amber")
        link = peer.invited_link()
        await link.call(M.ENROL, peer.enrolment())
        shift[0] = timedelta(hours=72, minutes=1)
        assert (await refused(link.call(M.GET_ENROLMENT, m.GetEnrolmentRequest())))[0] is CODE.UNAUTHENTICATED
        await link.close()


async def test_a_certificate_is_renewed_on_a_new_key_and_the_old_one_stays_good(federation, tools):
    peer = federation.peers["amber"]
    old = peer.link()
    key, request = tools.make_request()
    renewal = m.RenewCertificateRequest(request)
    chain = (await old.call(M.RENEW_CERTIFICATE, renewal)).certificate_chain
    assert (await old.call(M.RENEW_CERTIFICATE, renewal)).certificate_chain == chain
    peer.tls_key, peer.chain = key, chain
    assert (await peer.link().call(M.POLL, tools.poll())).cursor > 0
    assert (await old.call(M.POLL, tools.poll())).cursor > 0
    enrolment.revoke(federation.config, "node", "amber")
    for link in (old, peer.links[-1]):
        assert (await refused(link.call(M.POLL, tools.poll())))[0] is CODE.UNAUTHENTICATED


async def test_a_certificate_cannot_be_renewed_for_the_key_of_another(federation, tools):
    request = federation.peers["beryl"].request
    link = federation.peers["amber"].link()
    code, _ = await refused(link.call(M.RENEW_CERTIFICATE, m.RenewCertificateRequest(request)))
    assert code is CODE.ALREADY_EXISTS


def test_a_badge_gives_a_reader_all_but_the_key(central, tmp_path):
    key, csr = ca.new_credential()
    out = tmp_path / "cbs"
    enrolment.issue_badge(central.config, "reader", "cbs", csr, out)
    assert {path.name for path in out.iterdir()} == {
        "certificate.pem", "root.pem", "endpoint.toml", "authority-1.pub.pem", "authority-2.pub.pem"
    }  # fmt: skip
    endpoint = from_toml(Endpoint, (out / "endpoint.toml").read_bytes(), "endpoint")
    assert endpoint.address == central.config.address
    assert endpoint.authority_threshold == 2
    assert all((out / name).exists() for name in endpoint.authority)
    assert tomllib.loads((out / "endpoint.toml").read_text())["coordinator_key"] == endpoint.coordinator_key
    assert key not in b"".join(path.read_bytes() for path in out.iterdir())
    with pytest.raises(LocalFault, match="already"):
        enrolment.issue_badge(central.config, "reader", "cbs", ca.new_credential()[1], out)
    with pytest.raises(LocalFault, match="already"):
        enrolment.issue_badge(central.config, "reader", "cbs2", csr, out)


@pytest.mark.parametrize(
    ("act", "why"),
    [
        pytest.param(
            lambda c: enrolment.revoke(c, "reader", "nobody"), "no reader called nobody", id="revoke"
        ),
        pytest.param(lambda c: enrolment.confirm(c, "nobody", "1"), "has not enrolled", id="confirm"),
        pytest.param(
            lambda c: enrolment.issue_badge(c, "node", "x", b"", c.state),
            "an admin or a reader",
            id="badge-for-a-node",
        ),
        pytest.param(
            lambda c: enrolment.invite(c, "De Haven", name="x", operator="x", type="A", province="B"),
            "lower-case",
            id="name",
        ),
        pytest.param(
            lambda c: enrolment.invite(c, "x", name="x", operator="x", type="opvang", province="B"),
            "capitals",
            id="type",
        ),
        pytest.param(lambda c: documents.draft_roster(c), "no institution is confirmed", id="empty-roster"),
    ],
)
def test_a_mistake_of_an_administrator_is_one_clear_line(central, act, why):
    with pytest.raises((LocalFault, DocumentError), match=why):
        act(central.config)


async def test_a_roster_is_drafted_signed_and_put_in_force_once(federation):
    config = federation.config
    with opened(config) as book:
        held, last = book.state.register.roster, book.store.last()
    assert held.version == 1
    with opened(config) as book:
        again = documents.stored(book.store, held.envelope)
    assert documents.publish(config, again) == held.digest
    with opened(config) as book:
        assert book.store.last() == last

    roster = rosters.parse(again.payload)
    older = roster.model_copy(update={"institutions": roster.institutions[:3]})
    with pytest.raises(Refusal, match="version 1"):
        documents.publish(config, federation.sign_roster(documents.to_bytes(older)))


async def test_what_the_authority_did_not_sign_is_not_put_in_force(federation):
    good = federation.sign_programme(version=3)
    one = type(good)(good.payload, good.payload_type, good.signatures[:1])
    twice = type(good)(good.payload, good.payload_type, (good.signatures[0],) * 2)
    other = type(good)(good.payload, "application/vnd.samentel.approval.v1+json", good.signatures)
    for envelope, why in (
        (one, "1 of the 2"),
        (twice, "1 of the 2"),
        (other, "neither a programme nor a roster"),
    ):
        with pytest.raises(PeerError, match=why):
            documents.publish(federation.config, envelope)


async def test_a_roster_with_another_key_than_was_enrolled_is_refused(federation):
    payload = documents.draft_roster(federation.config)
    roster = rosters.parse(payload)
    stranger = SigningKey(os.urandom(32)).public.raw.hex()
    entry = roster.institutions[0].model_copy(update={"protocol_key": stranger})
    changed = roster.model_copy(update={"institutions": (entry, *roster.institutions[1:])})
    with pytest.raises(DocumentError, match="amber: this is not the protocol key"):
        documents.publish(federation.config, federation.sign_roster(documents.to_bytes(changed)))
    changed = roster.model_copy(update={"coordinator_key": stranger})
    with pytest.raises(DocumentError, match="coordinator_key"):
        documents.publish(federation.config, federation.sign_roster(documents.to_bytes(changed)))


async def test_a_programme_of_another_mode_is_another_version(federation):
    """The mode is part of what institutions approve: it cannot change under a name and version."""
    with pytest.raises(Refusal, match="raise the version to 2"):
        documents.publish(federation.config, federation.sign_programme(mode="secure-sum"))
    assert documents.publish(federation.config, federation.sign_programme(version=2, mode="secure-sum"))


@pytest.mark.parametrize(("held", "offered"), [(2, 2), (2, 1)], ids=["same-version", "lower-version"])
async def test_another_programme_of_the_same_or_a_lower_version_is_refused(federation, held, offered):
    """Otherwise a name could mean two programmes, and it would be chance which of them is run."""
    config = federation.config
    documents.publish(config, federation.sign_programme(version=held))
    text = federation.sign_programme(version=offered).payload.replace(b"Toetsen", b"Iets anders")
    other = seal(programmes.PAYLOAD_TYPE, text, *federation.authority)
    with pytest.raises(Refusal, match=r"version 2 of redenen-test is in force.*raise the version to 3"):
        documents.publish(config, other)
    assert documents.publish(config, federation.sign_programme()) == federation.programme.digest
    with opened(config) as book:
        assert other.digest not in book.state.register.programmes


async def test_a_roster_is_not_replaced_under_an_open_round(federation, tools):
    status = await tools.advance(federation, m.RoundPhase.COLLECTING)
    newer = federation.sign_roster(documents.draft_roster(federation.config))
    with pytest.raises(Refusal, match=status.round_id[:12]):
        documents.publish(federation.config, newer)
    admin = federation.admin_link()
    await admin.call(M.ABANDON_ROUND, m.AbandonRoundRequest(status.round_id, "a new institution first"))
    assert documents.publish(federation.config, newer) == newer.digest
