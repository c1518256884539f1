"""How a run is to be done: examples, seed, tier, segments. Defaults make every run deterministic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from conformance.checks import Tier


class Profile(Enum):
    """How thoroughly properties are tried."""

    QUICK = "quick"
    STANDARD = "standard"
    THOROUGH = "thorough"


EXAMPLES: Mapping[Profile, int] = MappingProxyType({Profile.QUICK: 5, Profile.STANDARD: 10, Profile.THOROUGH: 200})
"""Examples of each property."""

CUT_EXAMPLES: Mapping[Profile, int] = MappingProxyType({Profile.QUICK: 1, Profile.STANDARD: 2, Profile.THOROUGH: 25})
"""Examples of each property that are tried again with the octets cut otherwise."""

SHRINK_S: Mapping[Profile, float] = MappingProxyType(
    {Profile.QUICK: 2.0, Profile.STANDARD: 6.0, Profile.THOROUGH: 60.0}
)
"""Seconds spent on making one counter-example smaller."""


MINUTE_S = 60.0
"""`Plan.minute_s` of a run that does wait."""


class Segment(Enum):
    """How the octets of every check are cut into TCP segments."""

    EACH = "each"
    """Whole, and what held is then tried again with other cuts; the verdict may not change."""
    WHOLE = "whole"
    OCTETS = "octets"
    RANDOM = "random"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The parameters of a run.

    Without `shrink` the first counter-example is as good as the smallest. `minute_s` is how many seconds a minute has
    in checks of time-outs; None leaves those checks out. Processes that judge one target at the same
    time have each a `lane`, so that the names of their messages and folders differ.
    """

    profile: Profile = Profile.STANDARD
    seed: int = 0
    tier: Tier = Tier.SAFE
    segment: Segment = Segment.EACH
    shrink: bool = True
    lane: int = 0
    minute_s: float | None = None

    @property
    def examples(self) -> int:
        """Examples of each property."""
        return EXAMPLES[self.profile]

    @property
    def cut_examples(self) -> int:
        """Examples tried again with other cuts."""
        return CUT_EXAMPLES[self.profile]

    @property
    def shrink_s(self) -> float:
        """Seconds spent on making one counter-example smaller."""
        return SHRINK_S[self.profile]
