"""The simulation finds what it looks for: each rule that a test takes out of a node is missed by a list."""

from dataclasses import replace
from functools import partial

import pytest
from simulated import schedules

from node import sums_kept
from samentel.secagg import client
from samentel.secagg.messages import Agreement, Kind, name_of
from samentel.secagg.standing import Phase


class _InTwo:
    """A store that writes what is booked a transaction later than what is sent."""

    def __init__(self, store):
        self._store = store

    def __getattr__(self, name):
        return getattr(self._store, name)

    def write(self, now, *, entries=(), **parts):
        self._store.write(now, **parts)
        self._store.write(now, entries=entries)


def booked_a_transaction_later(patch):
    begin = sums_kept.SumsKept.__init__
    patch.setattr(
        sums_kept.SumsKept,
        "__init__",
        lambda self, store, *others: begin(self, _InTwo(store), *others),
    )


def forgotten(phase, patch):
    """A node that starts again in this phase goes on from the state before it."""
    keep, read, before = sums_kept.SumsKept._keep, sums_kept._read, {}

    def remember(self, round_id, state):
        if state.phase is not phase:
            before[round_id, state.own] = state
        keep(self, round_id, state)

    def reread(key, held):
        state = read(key, held)
        return before.get((held.round_id, state.own), state) if state.phase is phase else state

    patch.setattr(sums_kept.SumsKept, "_keep", remember)
    patch.setattr(sums_kept, "_read", reread)


def unanimity_not_checked(patch):
    """Agreements are verified, but not to which set they are."""
    reveal, hear_from, agreed = client._reveal, client.hear_from, []

    def hear(sender, kind, data, terms):
        heard = hear_from(sender, kind, data, terms)
        return replace(heard, survivors=agreed[-1]) if kind is Agreement else heard

    def reveal_at_once(state, event, means):
        agreed.append(name_of(Kind.PROPOSAL, state.proposal))
        return reveal(state, event, means)

    patch.setattr(client, "hear_from", hear)
    patch.setattr(client, "_reveal", reveal_at_once)


@pytest.mark.system
@pytest.mark.parametrize(
    ("without", "seed", "found"),
    [
        pytest.param(booked_a_transaction_later, 12, "before their loss is held in the file", id="one-write"),
        pytest.param(partial(forgotten, Phase.AGREED), 15, "spent a loss twice", id="one-set"),
        pytest.param(partial(forgotten, Phase.MASKED), 24, "still holds the loss", id="one-draw"),
        pytest.param(unanimity_not_checked, 15, "have not agreed to this set", id="unanimity"),
    ],
)
def test_a_rule_that_is_taken_out_is_missed(without, seed, found, monkeypatch):
    it = schedules.drawn(seed)
    assert not schedules.outcome_of(it).broken
    without(monkeypatch)
    assert found in "\n".join(schedules.outcome_of(it).broken)
