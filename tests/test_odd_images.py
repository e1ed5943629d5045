"""Images made to break readers, against the manifest that says which of them load: what does not is rejected.

The table itself: `REAL_DATA=… python -m tests.test_odd_images`.
"""

import csv
import os
import resource
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stages.checks.media import make_inspector
from stages.cleaners.cleaned import Cleaned
from stages.cleaners.pictures import make_picture_cleaner
from stages.core import report
from stages.core.bounded import bounded_map
from stages.modalities.picture import decode

FOLDER = "bad_inputs/pillow_images"
REJECTING = {f"image.{name}" for name in ("unreadable", "truncated", "bomb", "timeout", "memory", "crash")}
CHECKS: dict[str, dict[str, Any]] = {
    "unreadable": {},
    "truncated": {},
    "bomb": {},
    "timeout": {},
    "memory": {},
    "crash": {},
    "wrong_suffix": {},
    "too_small": {"min_side_px": 8},
    "extreme_aspect": {"max_ratio": 10.0},
    "odd_mode": {},
    "animated": {},
    "near_constant": {"min_std": 2.0},
    "underexposed": {"level": 10, "max_share": 0.95},
    "overexposed": {"level": 245, "max_share": 0.95},
    "blurred": {"min_variance": 10.0},
}
STEPS: dict[str, dict[str, Any]] = {
    "orientation": {},
    "mode": {"target": "RGB", "background": [255, 255, 255]},
    "resize": {"height": 64, "width": 64, "filter": "bicubic", "fit": "contain", "only_shrink": True},
    "contrast": {"clip_limit": 2.0, "tiles": 8},
    "sharpen": {"radius_px": 2.0, "percent": 50},
}
MAX_PIXELS = 50_000_000
LIMITS: dict[str, Any] = {"workers": 2, "seconds": 20.0, "memory_mib": 1024}


@dataclass
class Run:
    """What became of each file: whether it loads by the manifest, its codes or cleaned form; and what it took."""

    loads: dict[str, bool]
    results: dict[str, Any]
    seconds: float
    peak_mib: float


def peak_mib() -> float:
    """The greatest memory of a process that this one has started and that has ended."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / unit


def manifest(data: Path) -> dict[str, bool]:
    """File -> whether Pillow loads it."""
    with (data / FOLDER / "MANIFEST.csv").open(encoding="utf-8", newline="") as file:
        return {row["file"]: row["load_result_pillow13"] == "ok" for row in csv.DictReader(file)}


def run(data: Path, make: Any, arguments: dict[str, Any], lost: Any) -> Run:
    loads = manifest(data)
    items = (((data / FOLDER / name).read_bytes(), name) for name in loads)
    start = time.perf_counter()
    results = dict(zip(loads, bounded_map(make, arguments, items, lost=lost, **LIMITS), strict=True))
    return Run(loads, results, time.perf_counter() - start, peak_mib())


def inspected(data: Path) -> Run:
    arguments = {"family": "image", "checks": CHECKS, "max_pixels": MAX_PIXELS, "max_seconds": 1.0}
    return run(data, make_inspector, arguments, lambda _, why: [f"image.{why}"])


def cleaned(data: Path) -> Run:
    arguments = {"steps": STEPS, "max_pixels": MAX_PIXELS, "hash_bits": True}
    return run(data, make_picture_cleaner, arguments, lambda item, why: Cleaned(*item, (), f"image.{why}", None))


def by_outcome(found: Run) -> list[tuple[str, int, int]]:
    """A row a code: how many files have it that load, and that do not; "none" for those without a code."""
    loading, failing = Counter[str](), Counter[str]()
    for name, codes in found.results.items():
        (loading if found.loads[name] else failing).update(codes or ["none"])
    order = [f"image.{name}" for name in CHECKS]
    return [(code, loading[code], failing[code]) for code in (*order, "none")]


@pytest.fixture(scope="module")
def checked(real_data: Path) -> Run:
    return inspected(real_data)


@pytest.mark.real
def test_every_file_that_does_not_load_is_rejected_and_no_other(checked: Run) -> None:
    rejected = {name for name, codes in checked.results.items() if REJECTING & set(codes)}
    assert len(checked.loads) == 346
    assert rejected == {name for name, loads in checked.loads.items() if not loads}


@pytest.mark.real
def test_a_rejected_file_has_one_rejecting_code(checked: Run) -> None:
    counts = Counter(code for codes in checked.results.values() for code in codes if code in REJECTING)
    assert counts == {"image.unreadable": 60, "image.truncated": 14, "image.bomb": 11}
    assert all(len(REJECTING & set(codes)) <= 1 for codes in checked.results.values())


@pytest.mark.real
def test_time_and_memory_stay_small(checked: Run) -> None:
    assert checked.seconds < 60
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10  # with which a process that is started begins
    assert checked.peak_mib < max(LIMITS["memory_mib"], own + 1)


@pytest.mark.real
def test_what_loads_is_cleaned_and_what_does_not_keeps_its_bytes(real_data: Path) -> None:
    found = cleaned(real_data)
    for name, result in found.results.items():
        assert (result.problem is None) == found.loads[name]
        if result.problem is None:
            assert result.signature is not None
            image = decode(result.bytes)
            assert image.mode == "RGB" and max(image.size) <= 64
        else:
            assert (result.bytes, result.path) == ((real_data / FOLDER / name).read_bytes(), name)


if __name__ == "__main__":
    found = inspected(Path(os.environ["REAL_DATA"]))
    title = f"{len(found.loads)} odd images: {found.seconds:.1f} s, {found.peak_mib:.0f} MiB at most in one process"
    report.table(title, ["reason code", "load", "do not load"], by_outcome(found))
    away = [name for name, loads in found.loads.items() if loads and "image.wrong_suffix" in found.results[name]]
    report.table("Loads, with another format's suffix", ["file"], [(name,) for name in away])
