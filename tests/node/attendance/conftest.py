"""One institution in individual mode and its coordinator."""

import pytest

from node import identity
from node.attendance import Attendance
from node.journal import Journal
from node.link import Link, Unreachable
from node.store import Store
from samentel.documents import programme as programmes
from samentel.wire.messages import DocumentKind, RoundPhase

GATHERING = RoundPhase.GATHERING


class Life:
    """One institution and its coordinator, driven a step at a time; ``again`` is a restart of the daemon."""

    def __init__(self, kit, premises, coordinator):
        self.kit, self.premises, self.coordinator = kit, premises, coordinator
        self.roster = premises.roster()
        coordinator.publish(DocumentKind.ROSTER, self.roster)
        self.ask(kit.programme_text())

    def ask(self, text):
        """From now on the rounds are of this programme."""
        self.programme_envelope = self.kit.signed_programme(text)
        self.programme = programmes.parse(self.programme_envelope.payload)
        self.coordinator.publish(DocumentKind.PROGRAMME, self.programme_envelope)

    def open(self, phase=GATHERING, **values):
        self.round = self.kit.opened(self.programme, self.roster, **values)
        self.to(phase)

    def to(self, phase, release=""):
        self.coordinator.announce(self.round, phase, release)

    async def again(self, *, new_line=False):
        """A daemon's life: open everything, hear what the coordinator says now, close."""
        with Store.open(self.premises.state) as store:
            part = Attendance(self.premises.config, store, "huis-een", self.premises.signer, Journal())
            async with Link(identity.credentials(self.premises.state)) as link:
                await part.attend(link, self.coordinator.told(), new_line=new_line)

    async def interrupted(self):
        with pytest.raises(Unreachable):
            await self.again()

    def entries(self):
        with Store.open(self.premises.state) as store:
            return [entry.read() for entry in store.entries()]

    def kinds(self):
        return [str(body.kind) for body in self.entries()]

    def record(self):
        with Store.open(self.premises.state) as store:
            return store.round(self.round.round_id)


@pytest.fixture
def life(kit, premises, coordinator):
    return Life(kit, premises, coordinator)
