"""The client that flows use: everything it does, and what it says when something is wrong."""

import asyncio
import shutil

import pytest

from aggregator import authority as ca
from aggregator import enrolment
from aggregator.client import Coordinator
from samentel.documents import programme as programmes
from samentel.errors import DocumentError, LocalFault, Reason, Refusal
from samentel.wire.messages import RoundPhase


@pytest.fixture
def ask(central):
    """One call with the administrator's credentials, off the loop that serves it."""

    async def call(name, *arguments, credentials=central.config.admin):
        def work():
            with Coordinator.connect(credentials) as coordinator:
                return getattr(coordinator, name)(*arguments)

        return await asyncio.to_thread(work)

    return call


async def test_a_programme_comes_back_as_it_was_signed(federation, ask):
    (summary,) = await ask("programmes")
    assert (summary.id, summary.version, summary.digest) == ("redenen-test", 1, federation.programme.digest)
    envelope = await ask("programme", summary.digest)
    with Coordinator.connect(federation.config.admin) as coordinator:
        assert coordinator.endpoint.authority_threshold == 2
        verified = programmes.verify(
            envelope, coordinator.authority, coordinator.endpoint.authority_threshold
        )
    assert verified.digest == summary.digest


async def test_a_round_by_its_calls(federation, ask, tools):
    status = await tools.advance(federation, RoundPhase.GATHERING, present=3)
    assert (await ask("round", status.round_id)) == status
    assert (await ask("rounds")) == (status,)
    assert (await ask("open_round", federation.programme.digest, "2025")) == status
    collecting = await ask("collect", status.round_id)
    assert collecting == await ask("collect", status.round_id)
    peer = federation.peers["amber"]
    from samentel.wire import methods as M

    request = peer.contribution(status.round_id, federation.programme, federation.vector(1))
    await peer.links[-1].call(M.PUT_CONTRIBUTION, request)
    abandoned = await ask("abandon", status.round_id, "a wrong code list")
    assert (abandoned.phase, abandoned.arrived) == (RoundPhase.ABANDONED, ("amber",))
    assert (await ask("abandon", status.round_id, "again")).reason == "a wrong code list"


async def test_a_refusal_comes_back_with_its_reason(federation, ask, tools):
    with pytest.raises(Refusal, match="not over before") as refused:
        await ask("open_round", federation.programme.digest, "2098")
    assert refused.value.reason is Reason.PERIOD_NOT_OVER
    status = await tools.advance(federation, RoundPhase.GATHERING)
    with pytest.raises(Refusal, match="no national sum to publish: this round is gathering") as refused:
        await ask("publish", status.round_id)
    assert refused.value.reason is Reason.DEADLINE


async def test_what_is_not_there_is_said(federation, ask):
    for name, arguments in (("round", ("a" * 64,)), ("programme", ("a" * 64,)), ("manifest", ("nothing",))):
        with pytest.raises(LocalFault, match=r"no such|no release"):
            await ask(name, *arguments)


async def test_a_request_that_cannot_be_written_is_one_line_and_is_not_sent(central, ask):
    """The daemon is not running: whatever were sent would say that it cannot be reached."""
    for name, arguments, why in (
        ("manifest", ("../x",), "release_id: is not in the form"),
        ("read_file", ("r", "../x"), "name: is not in the form"),
        ("open_round", ("a" * 64, "2025Q9"), "period: is not in the form"),
        ("open_round", ("a" * 64, "2025", 99), "attempt: must lie between"),
    ):
        with pytest.raises(LocalFault, match=f"cannot be asked this: {why}") as fault:
            await ask(name, *arguments)
        assert "\n" not in str(fault.value)


async def test_a_reader_reads_releases_and_nothing_else(federation, ask, tools, tmp_path):
    await tools.advance(federation, RoundPhase.PUBLISHED)
    key, csr = ca.new_credential()
    place = tmp_path / "cbs"
    enrolment.issue_badge(federation.config, "reader", "cbs", csr, place)
    (place / "key.pem").write_bytes(key)
    (release,) = await ask("releases", credentials=place)
    assert (await ask("manifest", release.release_id, credentials=place)).payload
    assert (await ask("read_file", release.release_id, "tables.csv", credentials=place)).startswith(b"table,")
    with pytest.raises(LocalFault, match="not for the role reader; use the credentials of an administrator"):
        await ask("programmes", credentials=place)
    enrolment.revoke(federation.config, "reader", "cbs")
    with pytest.raises(LocalFault, match="ask the coordinator for a new badge"):
        await ask("releases", credentials=place)


async def test_an_absent_daemon_is_one_clear_line(central, ask):
    with pytest.raises(LocalFault, match=r"cannot be reached.*is its daemon running") as fault:
        await ask("rounds")
    assert central.config.address in str(fault.value)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        pytest.param(lambda place: shutil.rmtree(place), "not a credentials directory", id="no-directory"),
        pytest.param(lambda place: (place / "key.pem").unlink(), "key.pem cannot be read", id="no-key"),
        pytest.param(
            lambda place: (place / "endpoint.toml").write_text("x = 1"), "does not hold", id="endpoint"
        ),
        pytest.param(
            lambda place: (place / "authority-1.pub.pem").write_text("x"), "Ed25519", id="authority"
        ),
    ],
)
def test_a_spoiled_credentials_directory_is_one_clear_line(central, spoil, why):
    spoil(central.config.admin)
    with pytest.raises((LocalFault, DocumentError), match=why):
        Coordinator.connect(central.config.admin)
