"""The explorer finds what it looks for: each rule that a test takes out of the machine is missed at once."""

from dataclasses import replace

import pytest

from samentel.secagg import client, dealing
from samentel.secagg.messages import Agreement, parse
from samentel.secagg.standing import Free, Phase, Proposed, Send
from tests.explorer.cast import cast
from tests.explorer.letters import explored
from tests.explorer.product import explore
from tests.explorer.promises import Broken

ONE_COLLUDES = cast(3, (2,), c=1)
BOTH = cast(4, (3,), c=1, absent=1)  # one colludes, and one may fall out


def half(patch):
    """Shares of a lower threshold than the one with which the terms were checked."""
    patch.setattr(dealing, "threshold", lambda listed: listed // 2)


def unheard_agreements(patch):
    """Agreements that nobody verifies: whoever signed them, to whatever."""
    hear_from = client.hear_from

    def hear(sender, kind, data, terms):
        return parse(kind, data) if kind is Agreement else hear_from(sender, kind, data, terms)

    patch.setattr(client, "hear_from", hear)


class AnyName(bytes):
    """Equal to every name."""

    __hash__ = bytes.__hash__

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False


def agreements_to_any_set(patch):
    """Agreements are verified, but not to which set they are."""
    hear_from = client.hear_from

    def hear(sender, kind, data, terms):
        heard = hear_from(sender, kind, data, terms)
        return replace(heard, survivors=AnyName()) if kind is Agreement else heard

    patch.setattr(client, "hear_from", hear)


def half_and_unheard(patch):
    half(patch)
    unheard_agreements(patch)


def a_second_set(patch):
    """A member that has agreed takes another proposal."""
    after = (Phase.AGREED, Phase.HELPING)
    patch.setattr(client, "NEXT", dict(client.NEXT) | {(Phase.AGREED, Proposed): after})


def signed_before_spent(patch):
    agree_to = client._agree_to

    def reversed_(state, event, means):
        after, effects = agree_to(state, event, means)
        return after, effects[::-1]

    patch.setattr(client, "_agree_to", reversed_)


def freed_after_spending(patch):
    close = client._close

    def free(state, phase):
        after, effects = close(state, phase)
        spent = state.phase in (Phase.AGREED, Phase.REVEALED)
        return after, (Free(), *effects) if spent else effects

    patch.setattr(client, "_close", free)


def kept_at_the_end(patch):
    """What was held when the round ends is neither spent nor free."""
    close = client._close

    def keep(state, phase):
        after, effects = close(state, phase)
        return after, tuple(effect for effect in effects if not isinstance(effect, Free))

    patch.setattr(client, "_close", keep)


def any_set(patch):
    patch.setattr(client, "check_survivors", lambda *_: None)


def both_shares(patch):
    """A member reveals the mask key shares of survivors too."""
    reveal = client._reveal

    def more(state, event, means):
        after, (seen, send) = reveal(state, event, means)
        return after, (seen, replace(send, attachment=b"".join(held.key for held in state.held)))

    patch.setattr(client, "_reveal", more)


def new_bytes_when_asked_again(patch):
    patch.setattr(client, "_sent", lambda state, kind: Send(kind, bytes(64), b""))


def left_in_the_state(patch):
    """A refused proposal leaves a trace."""
    agree_to = client._agree_to

    def trace(state, event, means):
        object.__setattr__(state, "vector", bytes(32))
        return agree_to(state, event, means)

    patch.setattr(client, "_agree_to", trace)


def unwiped(patch):
    close = client._close

    def keep(state, phase):
        after, effects = close(state, phase)
        return replace(after, held=state.held), effects

    patch.setattr(client, "_close", keep)


@pytest.mark.parametrize(
    ("without", "played", "found"),
    [
        pytest.param(half, ONE_COLLUDES, "both secrets of member 0", id="threshold-of-half"),
        pytest.param(
            unheard_agreements, BOTH, r"the seed of member \d can be recovered, unsigned", id="unanimity"
        ),
        pytest.param(agreements_to_any_set, BOTH, "not every survivor agreed to", id="this-very-set"),
        pytest.param(half_and_unheard, BOTH, r"both secrets of member \d", id="both-of-these"),
        pytest.param(a_second_set, BOTH, "something is done twice", id="one-set"),
        pytest.param(signed_before_spent, ONE_COLLUDES, "not spent first", id="spent-first"),
        pytest.param(freed_after_spending, ONE_COLLUDES, "freed that was spent", id="never-free-again"),
        pytest.param(kept_at_the_end, ONE_COLLUDES, "neither spent nor free", id="free-at-the-end"),
        pytest.param(any_set, BOTH, "too small", id="terms-of-a-set"),
        pytest.param(both_shares, ONE_COLLUDES, "both shares of one dealer", id="one-secret-a-peer"),
        pytest.param(new_bytes_when_asked_again, ONE_COLLUDES, "something new", id="same-bytes-again"),
        pytest.param(
            left_in_the_state, ONE_COLLUDES, "refused event has changed", id="refused-changes-nothing"
        ),
        pytest.param(unwiped, ONE_COLLUDES, "still holds seed shares", id="wiped"),
    ],
)
def test_a_rule_that_is_taken_out_is_missed(without, played, found, monkeypatch):
    without(monkeypatch)
    with pytest.raises(Broken, match=found):
        explore(explored(played, versions=(0,)))


def test_two_of_four_that_collude_get_both_secrets():
    """Here the promise of the masks ends, as the security model says and not earlier: 2t - n1 is 2."""
    roads = explored(cast(4, (2, 3), c=1, absent=1), versions=(0,))
    with pytest.raises(Broken, match=r"both secrets of member \d"):
        explore(roads)


@pytest.mark.system
def test_how_many_the_masks_withstand_follows_from_the_list_that_is_shown():
    """Of five, 2t - n1 is 3. A list of four of them has 2 only, and the coordinator chooses the list."""
    roads = explored(cast(5, (2, 4), c=1, absent=1), versions=(0,))
    with pytest.raises(Broken, match=r"both secrets of member \d"):
        explore(roads)
