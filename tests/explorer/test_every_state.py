"""Every state that a coordinator which lies can bring about, among three, four or five institutions.

"Never both secrets" and "unsigned means unspent" are looked at in every global state (``product``), what one
member promises along each of its roads (``roads``, ``promises``). The figures are those that were found: a
smaller one means that something is no longer explored. Lower one knowingly only.
"""

import pytest

from samentel.secagg.standing import Phase
from samentel.secagg.terms import Level
from tests.explorer.cast import Cast, cast
from tests.explorer.letters import explored
from tests.explorer.product import explore

ONE, TWO = (0,), (0, 1)  # how many different things a colluder says to different members
deep = [pytest.mark.system, pytest.mark.timeout(1200)]
deepest = [pytest.mark.soak, pytest.mark.timeout(3600)]  # 90 s of one core, and 5 GB


def check(played: Cast, versions: tuple[int, ...], states: int, stands: int) -> None:
    """Explore, say how much that was, and see that it was not too little."""
    roads = explored(played, versions)
    seen = explore(roads)
    reached = [stand for member in roads.members.values() for stand in member.stands]
    print(
        f"{len(roads.letters)} letters, shown {roads.steps} times, refused {roads.refused} times:",
        f"{len(reached)} stands, {seen}",
    )
    assert seen.states >= states
    assert len(reached) >= stands
    assert seen.seeds > 0  # sums do come about, or nothing would be shown
    assert (seen.keys > 0) == (played.terms.absent_max > 0)  # and so do sums without a lost one
    phases = {stand.client.phase for stand in reached}
    assert phases == set(Phase) if played.terms.absent_max else set(Phase) - phases <= {Phase.HELPING}


@pytest.mark.clause("TERMS-4")
@pytest.mark.clause("TERMS-7")
@pytest.mark.clause("TERMS-8")
@pytest.mark.clause("AGREE-2")
@pytest.mark.clause("AGREE-3")
@pytest.mark.clause("AGREE-4")
@pytest.mark.clause("AGREE-6")
@pytest.mark.clause("REVEAL-1")
@pytest.mark.clause("MASK-5")
@pytest.mark.clause("END-1")
@pytest.mark.clause("END-2")
@pytest.mark.clause("END-3")
@pytest.mark.clause("STORE-4")
@pytest.mark.parametrize(
    ("played", "versions", "states", "stands"),
    [
        pytest.param(cast(3), TWO, 129, 93, id="3"),
        pytest.param(cast(3, (1,), c=1), TWO, 180, 224, id="3-one-colludes"),
        pytest.param(cast(4), TWO, 17_871, 688, id="4"),
        pytest.param(cast(4, absent=1), TWO, 118_579, 492, id="4-one-may-fall-out"),
        pytest.param(
            cast(4, absent=1, levels=(Level("shelter", (0, 1)),)),
            TWO,
            20_830,
            316,
            id="4-one-may-fall-out-a-level",
        ),
        pytest.param(cast(4, (3,), c=1), ONE, 2859, 456, id="4-one-colludes"),
        pytest.param(cast(4, (0,), c=1, absent=1), TWO, 34_502, 1632, id="4-one-colludes-one-may-fall-out"),
        pytest.param(cast(4, (2,), c=1), TWO, 28_205, 1803, id="4-one-colludes-in-two-ways", marks=deep),
        pytest.param(
            cast(5, (4,), c=1, absent=1),
            TWO,
            3_930_743,
            9868,
            id="5-one-colludes-one-may-fall-out",
            marks=deepest,
        ),
    ],
)
def test_no_state_gives_both_secrets_or_an_unsigned_seed(played, versions, states, stands):
    check(played, versions, states, stands)


@pytest.mark.clause("AGREE-6")
@pytest.mark.parametrize(
    ("played", "versions", "states", "stands"),
    [
        pytest.param(cast(3, (1, 2)), TWO, 102, 346, id="3-two-collude"),
        pytest.param(cast(4, (1,), absent=1), TWO, 34_502, 1632, id="4-one-colludes", marks=deep),
        pytest.param(cast(5, (2, 4), c=2), ONE, 3126, 315, id="5-two-collude", marks=deep),
    ],
)
def test_masks_hold_while_fewer_than_2t_minus_n1_collude_whatever_c_is(played, versions, states, stands):
    """More than the programme withstands, but not enough to have two sets revealed."""
    check(played, versions, states, stands)
