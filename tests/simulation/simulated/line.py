"""The line between a node and the coordinator: bytes both ways, what goes wrong on it, and what was sent."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import grpc
from simulated.coordinator import Coordinator
from simulated.institution import Deaths
from simulated.operations import DropReply, DropRequest, Point, Tamper, Way

from node.link import meaning
from samentel.wire import codec
from samentel.wire import methods as M
from samentel.wire.methods import Method

Fault = DropRequest | DropReply | Tamper
HANDED_IN = frozenset({M.PUT_PRESENCE, M.PUT_MESSAGE})


@dataclass
class Handed:
    """A request that was handed in, whether or not it arrived."""

    method: Method[Any, Any]
    request: Any
    data: bytes


class Line:
    """As ``node.link.Link``, for one node.

    Attributes:
        handed: everything that was handed in, oldest first.
    """

    def __init__(
        self,
        coordinator: Coordinator,
        certificate: bytes,
        deaths: Deaths,
        sending: Callable[[Method[Any, Any], Any], None],
        told: Callable[[Any, Any], Any],
    ) -> None:
        """Connect.

        Args:
            sending: sees every request before it leaves.
            told: sees every answer before the node does, and says what the node hears.
        """
        self._coordinator, self._certificate, self._deaths = coordinator, certificate, deaths
        self._sending, self._told = sending, told
        self._faults: list[tuple[int, Fault]] = []
        self._calls = 0
        self.handed: list[Handed] = []
        self.struck = 0

    def arm(self, fault: Fault) -> None:
        self._faults.append((self._calls + fault.nth, fault))

    def lift(self) -> None:
        self._faults.clear()

    def _due(self) -> list[Fault]:
        due = [fault for at, fault in self._faults if at <= self._calls]
        self._faults = [(at, fault) for at, fault in self._faults if at > self._calls]
        self.struck += len(due)
        return due

    async def call(self, method: Method[Any, Any], request: Any, seconds: float = 30.0) -> Any:
        """One call; raises as the real link does."""
        self._deaths.here(Point.BEFORE_CALL)
        self._calls += 1
        due, data = self._due(), codec.encode(request)
        self._sending(method, request)
        if method in HANDED_IN:
            self.handed.append(Handed(method, request, data))
        if any(isinstance(fault, DropRequest) for fault in due):
            raise meaning(grpc.StatusCode.UNAVAILABLE)
        data = _changed(data, due, Way.REQUEST)
        answer = await self._coordinator.serve(self._certificate, method, data)
        if any(isinstance(fault, DropReply) for fault in due):
            raise meaning(grpc.StatusCode.DEADLINE_EXCEEDED)
        honest = codec.decode(method.response, answer)
        heard = self._told(request, honest)
        if heard is not honest:
            answer = codec.encode(heard)
        changed = _changed(answer, due, Way.ANSWER)
        if changed is not answer or heard is not honest:
            heard = codec.decode(method.response, changed)
        self._deaths.here(Point.AFTER_CALL)
        return heard

    async def again(self, handed: Handed) -> None:
        """Something that was handed in arrives once more; nobody hears the answer."""
        with suppress(Exception):  # what it is refused with is the coordinator's own matter
            await self._coordinator.serve(self._certificate, handed.method, handed.data)


def _changed(data: bytes, due: list[Fault], way: Way) -> bytes:
    for fault in due:
        if isinstance(fault, Tamper) and fault.way is way and data:
            at = fault.byte % len(data)
            data = data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :]
    return data
