"""Pull against a real gRPC server with mTLS that may lie; its certificates are those of a real set-up."""

import csv
import io
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import grpc
import pytest

from aggregator import enrolment
from aggregator.config import load
from aggregator.setup import init
from desk import keys
from desk.releases import pull, verify
from desk.releases.case import Against
from desk.releases.examine import examine
from samentel.documents.codelists import Text
from samentel.documents.envelope import countersign, from_json, to_json
from samentel.documents.keys import SigningKey
from samentel.documents.statements import state
from samentel.errors import LocalFault, PeerError
from samentel.figures.edition import csv_bytes
from samentel.figures.manifest import Erratum
from samentel.figures.release import COLUMNS
from samentel.wire import codec
from samentel.wire import messages as m
from samentel.wire.methods import GET_RELEASE, LIST_RELEASES, READ_FILE

RELEASE = "aanleiding-demo-2025-1"


class Library:
    """The other side: serves the files it is given, whatever they are."""

    def __init__(self, files):
        self.files = dict(files)
        self.releases = (m.ReleaseSummary(RELEASE, "aanleiding-demo", "2025", "2026-02-01T00:00:00+00:00"),)
        self.refuse = None

    def service(self, details):
        handlers = {
            LIST_RELEASES.path: grpc.unary_unary_rpc_method_handler(
                self._list, response_serializer=codec.encode
            ),
            GET_RELEASE.path: grpc.unary_unary_rpc_method_handler(
                self._get, response_serializer=codec.encode
            ),
            READ_FILE.path: grpc.unary_stream_rpc_method_handler(
                self._read, response_serializer=codec.encode
            ),
        }
        return handlers.get(details.method)

    def _list(self, request, context):
        if self.refuse:
            context.abort(*self.refuse)
        return m.ListReleasesResponse(self.releases)

    def _get(self, request, context):
        return m.GetReleaseResponse(from_json(self.files["manifest.dsse.json"]))

    def _read(self, request, context):
        data = self.files[codec.decode(m.ReadFileRequest, request).name]
        for start in range(0, len(data), 1000):
            yield m.ReadFileResponse(data[start : start + 1000])


class Generic(grpc.GenericRpcHandler):
    def __init__(self, library):
        self.library = library

    def service(self, handler_call_details):
        return self.library.service(handler_call_details)


@pytest.fixture(scope="module")
def national(tmp_path_factory):
    """A coordinator's real certificates and a reader's credentials directory."""
    place = tmp_path_factory.mktemp("national")
    authority = keys.new("authority", place)
    config = load(
        init(
            place / "aggregator",
            listen="127.0.0.1:1",
            address="127.0.0.1:1",
            hosts=["127.0.0.1"],
            authority=[authority.public],
            authority_threshold=1,
        )
    )
    made = keys.request("reader", place / "reader")
    enrolment.issue_badge(config, "reader", "reader", made.public.read_bytes(), place / "reader")
    return config, place / "reader"


@pytest.fixture
def library(published, national) -> Iterator[tuple[Library, int]]:
    config, _ = national
    served = Library(published)
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers([Generic(served)])
    pair = ((config.pki / "server.key.pem").read_bytes(), (config.pki / "server.pem").read_bytes())
    root = (config.pki / "root.pem").read_bytes()
    port = server.add_secure_port(
        "127.0.0.1:0",
        grpc.ssl_server_credentials([pair], root_certificates=root, require_client_auth=True),
    )
    server.start()
    yield served, port
    server.stop(None).wait()


@pytest.fixture
def holder(national, library, coordinator):
    """The reader's credentials, pointing at the server of this test and the key of its release."""
    _, reader = national
    read = pull.read_credentials(reader)
    endpoint = read.endpoint.model_copy(
        update={"address": f"127.0.0.1:{library[1]}", "coordinator_key": coordinator.public.raw.hex()}
    )
    return replace(read, endpoint=endpoint)


def test_a_pulled_release_is_the_published_one_and_verifies(holder, published, tmp_path, coordinator):
    pulled = pull.pull(holder, "latest", tmp_path / "out")
    assert {path.name: path.read_bytes() for path in pulled.paths} == published
    assert verify.release(tmp_path / "out", coordinator.public) == pulled.manifest
    assert pull.missing(pulled.manifest) == ["d"]
    reasons = [figure for figure in pulled.figures if figure.table == "reason"]
    assert len(reasons) == 18
    assert all(it.shown == "2" and int(it.shown_lower) <= 2 <= int(it.shown_upper) for it in reasons)
    sums = {}
    for figure in pulled.figures:
        sums[figure.table] = sums.get(figure.table, 0) + figure.estimate
    # Figures are published in six decimals: margins agree to that, times the square root of their cells.
    assert list(sums.values()) == pytest.approx([sums["reason"]] * 3, abs=2e-5)
    assert {(it.share, it.share_lower, it.share_upper) for it in reasons} == {(None, None, None)}


def test_a_share_is_read_as_it_stands_in_the_table(published):
    rows = list(csv.DictReader(io.StringIO(published["tables.csv"].decode(), newline="")))
    told = {"share": 0.25, "share_lower": 0.125, "share_upper": 0.5}
    (figure, *others) = pull.figures(csv_bytes(COLUMNS, [{**rows[0], **told}, *rows[1:]]))
    assert (figure.share, figure.share_lower, figure.share_upper) == (0.25, 0.125, 0.5)
    assert len(others) == len(rows) - 1


def test_only_the_format_asked_for_is_written(holder, tmp_path):
    pull.pull(holder, RELEASE, tmp_path, "csv")
    written = {path.name for path in tmp_path.iterdir() if path.is_file()}
    assert written >= {"manifest.dsse.json", "manifest.json", "tables.csv", "measured.csv", "exact.csv"}
    assert {name.rpartition(".")[2] for name in written} == {"csv", "json"}
    assert not written & {"tables.parquet", "programme.dsse.json"}


@pytest.mark.parametrize("name", ["tables.csv", "tables.parquet"])
def test_a_changed_file_is_named_and_nothing_is_written(holder, library, tmp_path, name):
    served, _ = library
    served.files[name] = served.files[name][:-1] + bytes([served.files[name][-1] ^ 1])
    with pytest.raises(PeerError, match=f"{name}: has been changed"):
        pull.pull(holder, RELEASE, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_without_end_is_cut_off_at_the_size_in_the_manifest(holder, library, tmp_path):
    served, _ = library
    served.files["tables.csv"] *= 50
    with pytest.raises(PeerError, match=r"tables\.csv: the coordinator sends more than"):
        pull.pull(holder, RELEASE, tmp_path / "out")


def test_a_manifest_of_another_release_is_refused(holder, tmp_path):
    with pytest.raises(PeerError, match="answers with aanleiding-demo-2025-1"):
        pull.pull(holder, "aanleiding-demo-2024-1", tmp_path / "out")


def test_another_coordinators_signature_is_refused(holder, tmp_path):
    endpoint = holder.endpoint.model_copy(update={"coordinator_key": "ab" * 32})
    with pytest.raises(PeerError, match="0 of the 1"):
        pull.pull(replace(holder, endpoint=endpoint), RELEASE, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        pytest.param(grpc.StatusCode.UNAUTHENTICATED, "expired or was revoked", id="unauthenticated"),
        pytest.param(grpc.StatusCode.PERMISSION_DENIED, "may not read", id="permission"),
        pytest.param(grpc.StatusCode.NOT_FOUND, "--list", id="not-found"),
        pytest.param(grpc.StatusCode.INTERNAL, "internal: the other side said", id="other"),
    ],
)
def test_each_refusal_says_what_to_do(holder, library, code, hint):
    library[0].refuse = (code, "the other side said")
    with pull.connect(holder) as reader, pytest.raises(PeerError, match=hint):
        reader.releases()


@pytest.mark.parametrize("name", ["../../etc", "/etc/passwd", "", "-x", "a" * 101, "a\nb", "A"])
def test_what_is_no_release_id_is_said_before_anybody_is_asked(holder, tmp_path, name):
    absent = replace(holder, endpoint=holder.endpoint.model_copy(update={"address": "127.0.0.1:9"}))
    with pytest.raises(LocalFault, match="is not the id of a release; samentel pull --list") as fault:
        pull.pull(absent, name, tmp_path / "out")
    assert "\n" not in str(fault.value)
    assert not (tmp_path / "out").exists()


def test_a_request_that_cannot_be_written_is_one_line(holder):
    with pull.connect(holder) as reader:
        for ask in (lambda: reader.manifest("../x"), lambda: reader.file("../x", "tables.csv", 1)):
            with pytest.raises(LocalFault, match="cannot be asked this: release_id: is not in the form"):
                ask()


def test_nothing_published_is_said_so(holder, library, tmp_path):
    library[0].releases = ()
    with pytest.raises(PeerError, match="nothing has been published"):
        pull.pull(holder, "latest", tmp_path)


def test_no_server_gives_one_line_with_the_address(holder, tmp_path):
    endpoint = holder.endpoint.model_copy(update={"address": "127.0.0.1:9"})
    with pytest.raises(PeerError, match=r"127\.0\.0\.1:9: no connection"):
        pull.pull(replace(holder, endpoint=endpoint), "latest", tmp_path)


@pytest.mark.parametrize("name", ["endpoint.toml", "key.pem", "certificate.pem", "root.pem"])
def test_a_missing_credential_is_named(national, tmp_path, name):
    _, reader = national
    copy = tmp_path / "reader"
    shutil.copytree(reader, copy)
    (copy / name).unlink()
    with pytest.raises(LocalFault, match=name):
        pull.read_credentials(copy)


def test_the_list_says_what_took_the_place_of_a_release_and_what_was_wrong_in_it(
    holder, library, coordinator
):
    told = Text(nl="Eén instelling telde dubbel.", en="One institution counted double.")
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    erratum = state(Erratum(release_id=RELEASE, published_at=moment, text=told), coordinator)
    (plain,) = library[0].releases
    library[0].releases = (replace(plain, superseded_by=f"{RELEASE}-c1", errata=(erratum,)),)
    with pull.connect(holder) as reader:
        (one,) = pull.listed(reader.releases(), coordinator.public)
    assert [line.split("\t")[-1] for line in pull.lines(one, "nl")][1:] == [
        f"vervangen door {RELEASE}-c1",
        "erratum, 2026-03-01: Eén instelling telde dubbel.",
    ]
    assert pull.as_values(one)["superseded_by"] == f"{RELEASE}-c1"
    assert pull.as_values(one)["errata"][0]["text"]["en"] == told.en


def test_an_erratum_of_somebody_else_or_about_another_release_is_refused(holder, library, coordinator):
    told = Text(nl="Onzin.", en="Nonsense.")
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    (plain,) = library[0].releases
    for signer, release in ((SigningKey(b"\x44" * 32), RELEASE), (coordinator, "another-2025-1")):
        erratum = state(Erratum(release_id=release, published_at=moment, text=told), signer)
        library[0].releases = (replace(plain, errata=(erratum,)),)
        with pull.connect(holder) as reader, pytest.raises(PeerError):
            pull.listed(reader.releases(), coordinator.public)


def test_a_release_comes_with_the_countersignatures_that_it_has_now(holder, library, tmp_path, authority):
    served = library[0].files
    signed = countersign(from_json(served["manifest.dsse.json"]), authority[0])
    served["manifest.dsse.json"] = to_json(signed)
    pull.pull(holder, RELEASE, tmp_path / "out")
    against = Against(holder.coordinator, {"cbs": authority[0].public}, 1)
    assert examine(tmp_path / "out", against).countersigned == ("cbs",)
