"""What a run of the laboratory has found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from bench.faults.faults import Kind
from bench.faults.targets import Target
from bench.faults.turns import Turn
from bench.faults.verdicts import Judged

Cases: TypeAlias = Mapping[tuple[str, Kind], Judged]
"""By the name of the fault and the kind of request."""

Turns: TypeAlias = Mapping[tuple[str, bool], Turn]
"""By the name of the fault, and whether it was in a terminal."""

Endings: TypeAlias = Mapping[tuple[str, str, bool], Turn]
"""By state, ending, and whether it was in a terminal."""


@dataclass(slots=True)
class Results:
    """All of it, by the name of the gateway."""

    targets: Sequence[Target]
    wire: dict[str, Cases] = field(default_factory=dict)
    turns: dict[str, Turns] = field(default_factory=dict)
    endings: dict[tuple[str, str, bool], Turn] = field(default_factory=dict)
