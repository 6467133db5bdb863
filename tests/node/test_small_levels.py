"""Approving a programme with levels that few institutions can fill: nothing is agreed to without its name."""

from datetime import UTC, datetime

import pytest

from node import approving, cli, explain
from node.store import DocumentKind, DocumentRecord, Reader, Store
from node.texts import Words
from samentel.documents import programme as programmes
from samentel.documents.envelope import to_json
from samentel.documents.model import to_bytes
from samentel.documents.roster import PAYLOAD_TYPE, Institution, Roster
from samentel.documents.statements import Approval, hear
from samentel.errors import DocumentError, Reason, Refusal

LEVELS = """
[[tables]]
id = "facility"
population = "clients"
dimensions = ["facility"]
rho_share = "1/4"
title = { nl = "Naar plek", en = "By place" }
question = { nl = "Waar?", en = "Where?" }
[[tables]]
id = "all"
population = "clients"
dimensions = []
rho_share = "0"
years = 3
title = { nl = "Allen", en = "All" }
question = { nl = "Hoeveel?", en = "How many?" }
[[dimensions]]
id = "facility"
field = "facility"
unknown = "OTH"
fixed_by = "facilities"
title = { nl = "Plek", en = "Place" }
codes = [
  { code = "COSM", nl = "Categoraal", en = "Categorical", members = ["COSM"], by_consent = true },
  { code = "OMM", nl = "Meervoudig", en = "Multiple", members = ["OMM"], by_consent = true },
  { code = "OTH", nl = "Ander", en = "Other" },
]
"""


@pytest.fixture
def envelope(kit):
    text = kit.programme_text(mode="secure-sum").decode().replace('"1/2"\ntitle', '"1/4"\ntitle')
    return kit.signed_programme((text + LEVELS).encode())


@pytest.fixture
def premises(kit, directory, certificates):
    return kit.enrolled(directory, certificates, "localhost:1")


def hold_roster(kit, premises, *facilities):
    keys = [premises.signer, *kit.OTHERS]
    names = ["huis-een", "huis-twee", "huis-drie", "huis-vier"]
    listed = tuple(
        Institution(
            node=name,
            name=name,
            operator=name,
            type="COSM",
            province="PV25",
            facilities=facilities if name == "huis-een" else (),
            protocol_key=key.public.raw.hex(),
        )
        for name, key in zip(names, keys, strict=True)
    )
    now, coordinator = datetime.now(UTC), kit.COORDINATOR.public.raw.hex()
    written = Roster(version=1, issued_at=now, coordinator_key=coordinator, institutions=listed)
    envelope = kit.signed(PAYLOAD_TYPE, to_bytes(written))
    with Store.open(premises.state) as store:
        store.write(now, documents=[DocumentRecord(DocumentKind.ROSTER, envelope.digest, envelope)])


def approve(premises, envelope, *names):
    premises.approve(envelope, individual=False, small_levels=names)


def agreed(premises):
    with Reader.open_read_only(premises.state) as reader:
        held = reader.documents(DocumentKind.APPROVAL)
    return [hear(Approval, one, premises.signer.public).small_levels for one in held]


def test_without_the_names_it_refuses_with_the_options_to_paste(kit, premises, envelope):
    hold_roster(kit, premises, "COSM", "OMM")
    for names in ((), ("facility:OMM",)):
        with pytest.raises(Refusal) as caught:
            approve(premises, envelope, *names)
        assert caught.value.reason is Reason.SMALL_LEVEL
        assert "--small-level facility:COSM --small-level facility:OMM" in str(caught.value)
    assert agreed(premises) == []
    approve(premises, envelope, "facility:OMM", "facility:COSM", "facility:OMM")
    assert agreed(premises) == [("facility:COSM", "facility:OMM")]


@pytest.mark.parametrize(
    ("facilities", "names", "said"),
    [
        pytest.param(("COSM",), ("facility:COSM", "facility:OMM"), "facility:OMM", id="not-ours"),
        pytest.param(("COSM",), ("facility:COSM", "facility:OTH"), "facility:OTH", id="needs-none"),
        pytest.param(("COSM",), ("facility:COSM", "x"), "--small-level x", id="no-level"),
        pytest.param((), ("facility:COSM",), "it asks for none", id="none-asked"),
    ],
)
def test_a_name_that_is_not_asked_is_refused(kit, premises, envelope, facilities, names, said):
    hold_roster(kit, premises, *facilities)
    with pytest.raises(DocumentError, match=said):
        approve(premises, envelope, *names)
    assert agreed(premises) == []


def test_before_the_roster_one_can_agree_and_need_not(premises, envelope):
    approve(premises, envelope)
    approve(premises, envelope, "facility:COSM")
    with pytest.raises(DocumentError, match="facility:OTH"):
        approve(premises, envelope, "facility:OTH")
    assert agreed(premises) == [(), ("facility:COSM",)]


def test_nothing_is_asked_in_individual_mode(kit, premises):
    hold_roster(kit, premises, "COSM")
    text = kit.programme_text().decode().replace('"1/2"\ntitle', '"1/4"\ntitle') + LEVELS
    openly = kit.signed_programme(text.encode())
    with pytest.raises(DocumentError, match="it asks for none"):
        premises.approve(openly, small_levels=("facility:COSM",))
    premises.approve(openly)
    assert agreed(premises) == [()]


@pytest.mark.parametrize(
    ("language", "means"), [("nl", "standaardafwijkingen"), ("en", "standard deviations")]
)
def test_what_a_yes_means_is_said_in_persons(kit, premises, envelope, language, means):
    hold_roster(kit, premises, "COSM")
    shown = programmes.parse(envelope.payload)
    asked = approving.small_levels_asked(premises.config, shown)
    text = "\n".join(explain.small_levels(shown, asked, 4, Words(language)))
    assert means in text
    assert "(facility:COSM), +-4 " in text  # rho 1/2 x 1/4 for its only table, so sigma**2 = 4 and two sd = 4
    assert "facility:OMM" not in text
    whole = "\n".join(explain.programme(shown, Words(language), 4))
    assert ("volgt uit andere tabellen" if language == "nl" else "follows from other tables") in whole
    assert list(explain.small_levels(shown, approving.SmallLevels(True, (), ()), 4, Words(language))) == []


@pytest.mark.filterwarnings("ignore:Cyclopts application invoked")  # its own arguments come from sys.argv
def test_the_command_shows_the_levels_and_takes_the_options(
    kit, premises, envelope, monkeypatch, capsys, directory
):
    hold_roster(kit, premises, "COSM")
    file = directory / "programme.dsse.json"
    file.write_bytes(to_json(envelope))
    typed = ["samentel-node", "--config", str(directory / "node.toml"), "--lang", "nl", "approve", str(file)]
    typed += ["--by", "De FG", "--yes"]
    monkeypatch.setattr("sys.argv", typed)
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 1
    shown = capsys.readouterr()
    assert "Categoraal (facility:COSM), +-" in shown.out
    assert "--small-level facility:COSM" in shown.err
    assert agreed(premises) == []
    monkeypatch.setattr("sys.argv", [*typed, "--small-level", "facility:COSM"])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code in (0, None)
    assert "Deze goedkeuring stemt in met kleine niveaus: facility:COSM" in capsys.readouterr().out
    assert agreed(premises) == [("facility:COSM",)]


@pytest.mark.filterwarnings("ignore:Cyclopts application invoked")
def test_the_command_shows_no_agreement_to_a_level_that_is_not_asked(
    kit, premises, envelope, monkeypatch, capsys, directory
):
    hold_roster(kit, premises, "COSM")
    file = directory / "programme.dsse.json"
    file.write_bytes(to_json(envelope))
    typed = ["samentel-node", "--config", str(directory / "node.toml"), "approve", str(file), "--yes"]
    monkeypatch.setattr("sys.argv", [*typed, "--by", "FG", "--small-level", "facility:XX"])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 1
    shown = capsys.readouterr()
    assert "facility:XX" not in shown.out
    assert "--small-level facility:XX" in shown.err
    assert "it asks --small-level facility:COSM" in shown.err
    assert agreed(premises) == []
