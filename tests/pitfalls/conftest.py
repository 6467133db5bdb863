"""The kits of three other rooms, side by side: here one test may need the pure machines and a real node.

``kit``, ``street`` and ``sums`` mean what they mean in ``tests/node/summing``; ``machines`` is what is called
``kit`` in ``tests/samentel/secagg``.
"""

from functools import lru_cache

import pytest

from samentel.documents.keys import VerifyKey
from samentel.secagg import client, server
from samentel.secagg.relay import Summed
from tests.node import conftest as _house
from tests.node.summing import conftest as _street
from tests.samentel.secagg import conftest as _machines

kit = _house.kit
short_path, authority_files, certificates = _house.short_path, _house.authority_files, _house.certificates
street, sums = _street.street, _street.sums


@pytest.fixture(scope="session")
def machines() -> object:
    """Federations of the two pure machines."""
    return _machines.Kit


@pytest.fixture(scope="session")
def light():
    """Makes federations whose states do not go through their bytes: that is tested elsewhere, and is slow."""

    class Light(_machines.Federation):
        def tell(self, i, event):
            self.clients[i], effects = client.advance(self.clients[i], event, self.now, self.means(i))
            self.effects[i].extend(effects)
            return effects

        def serve(self, event):
            self.server, effects = server.advance(self.server, event, self.now, self.coordinator)
            self.sums += [effect for effect in effects if isinstance(effect, Summed)]
            self.server_effects.extend(effects)
            return effects

    return lambda n, *, seed="seed", **parameters: Light(_machines.terms(n, **parameters), seed=seed)


@pytest.fixture
def verified_once(monkeypatch):
    """All nodes check the same signatures: in one process, one answer for each is enough."""
    monkeypatch.setattr(VerifyKey, "verifies", lru_cache(maxsize=4000)(VerifyKey.verifies))


@pytest.fixture
def another_round(kit, sums):
    """Has the coordinator of a street open another round of the same programme; the node's store stays."""

    def open_(made, **values):
        total = made.sum
        made.house.side.rounds.clear()  # what came before is not told again
        total.round = kit.opened(sums.programmes.parse(total.programme.payload), total.roster, **values)
        total.phase, total.sum_phase, total.release = sums.RoundPhase.GATHERING, sums.SumPhase.NONE, ""
        total.start, total.server, total.terms = (), None, None
        total.unfinished, total.taken, total.lies, total.absent = {}, {}, {}, {}
        total.stored, total.effects = [], []
        for other in made.others:
            other.client = None
        total.tell()
        return total

    return open_
