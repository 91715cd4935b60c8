"""Histograms with logarithmic buckets: small, within 1 % of the truth, and merged by adding counts.

A bucket reaches from one power of `GAMMA` to the next, and stands for the value that is as far, relatively, from
either end: (GAMMA - 1) / (GAMMA + 1) = 0.99 %. (The scheme of DDSketch, Masson et al., VLDB 2019.)
"""

import math
from collections.abc import Mapping

GAMMA = 1.02
ZERO = -1_000_000
"""The bucket of what is not above 0."""

_SCALE = 1 / math.log(GAMMA)
_MIDDLE = 2 / (GAMMA + 1)


def bucket_of(value: float) -> int:
    """The bucket that a value falls into."""
    return math.ceil(math.log(value) * _SCALE) if value > 0 else ZERO


def value_of(bucket: int) -> float:
    """The value that a bucket stands for."""
    return 0.0 if bucket == ZERO else _MIDDLE * GAMMA**bucket


def percentile(counts: Mapping[int, int], share: float) -> float | None:
    """The value below or at which lies the `share` (0 to 1) of all values, to 1 %; None without values.

    By the nearest rank: of n values in order, the one with the number ceil(share * n), counted from 1.
    """
    rank = max(1, math.ceil(share * sum(counts.values())))
    for bucket in sorted(counts):
        rank -= counts[bucket]
        if rank <= 0:
            return value_of(bucket)
    return None
