"""What the roster says of institutions decides levels, and a level that few can fill forbids a secure sum."""

import json

import grpc
import pytest

from aggregator import documents, enrolment
from samentel.documents import programme as programmes
from samentel.documents import roster as rosters
from samentel.documents.envelope import seal
from samentel.documents.model import to_bytes
from samentel.errors import LocalFault, SamentelError
from samentel.wire import messages as m
from samentel.wire import methods as M

BY_TYPE = """
[[dimensions]]
id = "organisation"
field = "type"
unknown = "AMB"
fixed_by = "type"
title = { nl = "Soort", en = "Kind" }
codes = [
  { code = "OPV", nl = "Opvang", en = "Shelter", members = ["VO_MO"] },
  { code = "ZC", nl = "Zorgcoordinatie", en = "Care coordination"CONSENT },
  { code = "AMB", nl = "Ander", en = "Other" },
]
[[tables]]
id = "organisation"
population = "clients"
dimensions = ["organisation"]
rho_share = "1/4"
title = { nl = "Naar soort", en = "By kind" }
question = { nl = "Waar?", en = "Where?" }
"""
ARGUMENTS = {"name": "De Haven", "operator": "De Haven", "type": "VO_MO", "province": "PV27"}


def levelled(tools, version=1, consent=""):
    """A programme with a table by kind of organisation, for secure sums."""
    text = tools.written(version, "secure-sum").decode()
    text = text.replace('rho_share = "1/2"', 'rho_share = "1/4"') + BY_TYPE.replace("CONSENT", consent)
    return text.encode()


async def enrolled(central, name, **facts):
    made = enrolment.invite(central.config, name, **{**ARGUMENTS, **facts})
    peer = central.take(name, to_bytes(made))
    link = peer.invited_link()
    fingerprint = (await link.call(M.ENROL, peer.enrolment())).fingerprint
    enrolment.confirm(central.config, name, fingerprint)
    await link.call(M.GET_ENROLMENT, m.GetEnrolmentRequest())


async def test_the_kinds_of_places_come_onto_the_roster(serving):
    await enrolled(serving, "amber", facilities=("COSM", "OMM"))
    await enrolled(serving, "beryl")
    drafted = rosters.parse(documents.draft_roster(serving.config))
    assert [entry.facilities for entry in drafted.institutions] == [("COSM", "OMM"), ()]
    assert json.loads(documents.draft_roster(serving.config))["institutions"][0]["facilities"] == [
        "COSM",
        "OMM",
    ]


@pytest.mark.parametrize("facilities", [("cosm",), ("COSM", "COSM"), ("CO SM",), ("",)])
def test_kinds_of_places_are_words_of_the_roster_and_stand_once(central, facilities):
    with pytest.raises(LocalFault, match="facilities"):
        enrolment.invite(central.config, "amber", **ARGUMENTS, facilities=facilities)


async def test_a_round_with_a_level_too_small_is_not_opened(serving, tools):
    for name, kind in zip(tools.NODES, ("VO_MO", "VO_MO", "VO_MO", "ZC"), strict=True):
        await enrolled(serving, name, type=kind)
    documents.publish(serving.config, serving.sign_roster())
    admin = serving.admin_link()
    small = published(serving, levelled(tools))
    with pytest.raises((grpc.aio.AioRpcError, SamentelError)) as caught:
        await admin.call(M.OPEN_ROUND, m.OpenRoundRequest(small, "2025", 0))
    told = f"{caught.value} {getattr(caught.value, 'details', str)()}"
    assert "organisation:ZC has 1" in told
    assert "by_consent" in told
    agreed = published(serving, levelled(tools, 2, ", by_consent = true"))
    opened = await admin.call(M.OPEN_ROUND, m.OpenRoundRequest(agreed, "2025", 0))
    assert (
        opened.round.institutions_min == 3
    )  # by number alone; which levels are full shows when keys come in
    await admin.close()


async def test_a_mistyped_kind_of_organisation_is_told_before_anybody_is_asked(serving, tools):
    for name, kind in zip(tools.NODES, ("VO_MO", "VO_MO", "VO_MO", "VOMO"), strict=True):
        await enrolled(serving, name, type=kind)
    documents.publish(serving.config, serving.sign_roster())
    admin = serving.admin_link()
    asked = published(serving, levelled(tools))
    with pytest.raises((grpc.aio.AioRpcError, SamentelError)) as caught:
        await admin.call(M.OPEN_ROUND, m.OpenRoundRequest(asked, "2025", 0))
    assert f"{tools.NODES[3]}: VOMO" in f"{caught.value} {getattr(caught.value, 'details', str)()}"
    await admin.close()


def published(serving, text):
    envelope = seal(programmes.PAYLOAD_TYPE, text, *serving.authority)
    documents.publish(serving.config, envelope)
    return envelope.digest
