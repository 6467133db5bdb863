"""What a manifest says of how exact the figures of a release are; only the shape."""

from typing import Annotated

from pydantic import StringConstraints

from samentel.documents.codelists import Text
from samentel.documents.model import Exact, Model, Name


class Fitness(Model):
    """What one table is good for; known from its noise, and from figures published elsewhere.

    Attributes:
        half_width: half of a 95 % interval of one cell, in persons.
        smallest_change: between two periods measured alike, that a test at 5 % tells from noise: 2.77 sd.
        reference_cell: what its mean cell holds by the reference figure of the population; None without one.
        grade: A to D, of such a cell.
        planned_half_width: with everybody on the roster in the sum; None where it was not worked out.
        target_sd: the standard deviation that the programme seeks.
        accepted: whether ``cell_sd`` is at most that; None without a target.
        imprecise: the programme publishes it although half an interval is more than half of a mean cell.
    """

    table: Name
    half_width: float
    planned_half_width: float
    smallest_change: float
    reference_cell: float | None = None
    grade: Annotated[str, StringConstraints(pattern="^[A-D]$")] | None = None
    target_sd: Exact | None = None
    accepted: bool | None = None
    imprecise: bool = False


class CheckFacts(Model):
    """Whether tables that should agree do so, but for their noise; from the noisy sums alone.

    Attributes:
        p_value: how often noise alone gives as much or more.
        detects: how many persons must be missing somewhere for this to find it four times out of five; None
            where that is not worked out.
    """

    name: Name
    statistic: float
    degrees: int
    p_value: float
    detects: float | None = None


class Accuracy(Model):
    """How exact the figures are.

    Attributes:
        cells: figures in tables.csv.
        joint_z: that many sd on either side hold all of them together, with the same confidence.
    """

    method: Text
    joint: Text
    cells: int
    joint_z: float
    grades: Text
    tables: tuple[Fitness, ...]
    checks: tuple[CheckFacts, ...] = ()
