"""Pictures and sounds, a sample of them decoded in bounded processes: sizes, durations, and what the checks find."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from review import recipes
from stages.checks.media import OPENERS, Item, make_inspector
from stages.core import parallel, report
from stages.core.blocks import Options
from stages.core.bounded import bounded_map
from stages.core.params import checked
from workbench.new.recognise import Files

MOST_FILES = 400
"""Files that are decoded: evenly spaced ones, so that each class is among them."""


@dataclass(frozen=True)
class Measured:
    """What a sample of the files is like.

    Attributes:
        looked_at: files that were decoded.
        sizes: (N, 2) of those that could be read: width and height in pixels, or seconds and Hz.
        codes: reason code -> files.
    """

    looked_at: int
    sizes: np.ndarray
    codes: Mapping[str, int]

    def share(self, code: str) -> float:
        """Of the files that were decoded, 0 to 1."""
        return self.codes.get(code, 0) / self.looked_at if self.looked_at else 0.0

    @property
    def side(self) -> float:
        """Pixels of the shorter side, median; 0 where nothing could be read."""
        return float(np.median(self.sizes.min(axis=1))) if len(self.sizes) else 0.0

    def seconds(self, percentile: float) -> float:
        """So long are the sounds at that percentile; 0 where nothing could be read."""
        return float(np.percentile(self.sizes[:, 0], percentile)) if len(self.sizes) else 0.0


def sample_of(files: Files) -> list[Item]:
    """Evenly spaced files with their contents, in the container's own order."""
    step = max(1, math.ceil(len(files.members) / MOST_FILES))
    chosen = files.members[::step]
    return [(content, member.name) for content, member in zip(files.container.read(chosen), chosen, strict=True)]


def measure(items: Sequence[Item], modality: str) -> Measured:
    """Decode pictures or sounds as `validate` does by their recipe, and keep sizes as well as reason codes."""
    params = checked(recipes.complete(recipes.SHIPPED / f"{recipes.BASES[modality]}.yaml"))
    checks, limits = params.validating.checks[modality], params.decode
    if limits is None:
        raise RuntimeError(f"the recipe of {modality} has no limits")
    arguments = {
        "family": modality,
        "checks": {name: options for name, options in checks.items() if name != "missing"},
        "max_pixels": int(limits.max_megapixels * 1e6),
        "max_seconds": limits.max_duration_s,
    }
    results = bounded_map(
        make_measurer,
        arguments,
        items,
        workers=limits.workers or parallel.cores(),
        seconds=limits.timeout_s,
        memory_mib=limits.memory_mib,
        lost=lambda _, why: ([f"{modality}.{why}"], None),
    )
    found = []
    with closing(results), report.progress_bar() as bar:
        task = bar.add_task("decoding", total=len(items))
        for result in results:
            found.append(result)
            bar.advance(task)
    sizes = [size for _, size in found if size is not None]
    return Measured(
        len(items), np.array(sizes, dtype=float).reshape(-1, 2), Counter(code for codes, _ in found for code in codes)
    )


def make_measurer(
    *, family: str, checks: Mapping[str, Options], max_pixels: int, max_seconds: float
) -> Callable[[Item], tuple[list[str], tuple[float, float] | None]]:
    """A function from one picture or sound to its reason codes, and its size where it can be read.

    The arguments are those of `stages.checks.media.make_inspector`.
    """
    inspect = make_inspector(family=family, checks=checks, max_pixels=max_pixels, max_seconds=max_seconds)
    opened = OPENERS[family](max_pixels, max_seconds)

    def look(item: Item) -> tuple[list[str], tuple[float, float] | None]:
        data, path = item
        if data is None:
            return [], None
        one = opened(data, path)
        return inspect(item), None if one.problem == "unreadable" else _size(one, family)

    return look


def _size(one: Any, family: str) -> tuple[float, float] | None:
    size = one.size if family == "image" else (one.duration_s, one.sampling_rate)
    return (float(size[0]), float(size[1])) if min(size) > 0 else None
