"""The inspector of images and sounds in bounded processes, as validate runs it."""

import io

import numpy as np
import pytest
import soundfile

from stages.checks.media import Item, make_inspector
from stages.core.bounded import bounded_map
from tests.broken import encoded, noise

LIMITS = {"max_pixels": 10**8, "max_seconds": 60.0}


def tone() -> bytes:
    out = io.BytesIO()
    soundfile.write(out, 0.5 * np.sin(np.arange(4000) / 5), 8000, format="WAV")
    return out.getvalue()


def inspected(family: str, checks: dict[str, dict], items: list[Item], memory_mib: int) -> list[list[str]]:
    results = bounded_map(
        make_inspector,
        {"family": family, "checks": checks, **LIMITS},
        items,
        workers=1,
        seconds=20,
        memory_mib=memory_mib,
        lost=lambda _, why: [f"{family}.{why}"],
    )
    return list(results)


@pytest.mark.parametrize(
    ("family", "whole"), [("image", encoded(noise(), "PNG")), ("audio", tone())], ids=["image", "audio"]
)
def test_each_family_is_decoded_by_its_own(family: str, whole: bytes) -> None:
    items: list[Item] = [(whole, "a"), (b"neither", "b"), (None, None)]
    assert inspected(family, {"unreadable": {}}, items, 512) == [[], [f"{family}.unreadable"], []]


def test_an_image_that_takes_too_much_memory_is_lost_alone() -> None:
    large = encoded(noise(1, 1).resize((6000, 6000)), "PNG")
    items: list[Item] = [(encoded(noise(), "PNG"), "a"), (large, "b"), (encoded(noise(), "PNG"), "c")]
    assert inspected("image", {"unreadable": {}}, items, 64) == [[], ["image.memory"], []]
