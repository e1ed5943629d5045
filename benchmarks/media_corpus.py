"""Generated images and sounds for measurements: each depends on (seed, its number) only."""

import csv
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

SHAPES = ("circle", "square", "triangle", "star")
SIDES_PX = (128, 257)  # lowest, one past the highest
JPEG_QUALITY = (80, 96)
MAX_SHAPES = 6
GRAIN = 6.0  # standard deviation of the noise, in grey levels
CLOUDS = 24.0  # of the soft structure

SOUNDS = ("hum", "chord", "chirp", "hiss")
SAMPLING_RATE = 16_000
CLIP_S = 1.0
SPEAKERS = 20
FADE_S = 0.05
INDEX = "index.csv"


def write_images(folder: Path, count: int, seed: int) -> None:
    """`count` JPEG files in a folder for each of SHAPES, of sides of SIDES_PX."""
    for name in SHAPES:
        (folder / name).mkdir(parents=True)
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        shape = SHAPES[number % len(SHAPES)]
        quality = int(rng.integers(*JPEG_QUALITY))
        image(shape, rng).save(folder / shape / f"{number:06d}.jpg", quality=quality)


def image(shape: str, rng: np.random.Generator) -> Any:
    """A Pillow image (RGB): a gradient, clouds, some shapes of one kind, and grain."""
    from PIL import Image, ImageDraw

    height, width = (int(side) for side in rng.integers(*SIDES_PX, 2))
    down, across = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j].astype(np.float32)
    angle = rng.uniform(0, 2 * math.pi)
    ramp = (across * math.cos(angle) + down * math.sin(angle))[..., None]
    one, other = rng.uniform(20, 235, (2, 3)).astype(np.float32)
    coarse = Image.fromarray(rng.normal(0, CLOUDS, (8, 8)).astype(np.float32))
    clouds = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))[..., None]
    backdrop = Image.fromarray(_bytes(one + (other - one) * (ramp + 1) / 2 + clouds))
    pen = ImageDraw.Draw(backdrop)
    for _ in range(rng.integers(2, MAX_SHAPES)):
        centre, radius = rng.uniform(0, (width, height)), rng.uniform(0.08, 0.35) * min(height, width)
        pen.polygon(_outline(shape, centre, radius, rng.uniform(0, 2 * math.pi)), fill=tuple(rng.integers(0, 256, 3)))
    grain = rng.standard_normal((height, width, 3), dtype=np.float32) * GRAIN
    return Image.fromarray(_bytes(np.asarray(backdrop) + grain))


def _outline(shape: str, centre: npt.NDArray[np.float64], radius: float, turn: float) -> list[tuple[float, float]]:
    corners = {"circle": 40, "square": 4, "triangle": 3, "star": 10}[shape]
    angles = turn + np.arange(corners) * 2 * math.pi / corners
    radii = np.full(corners, radius)
    if shape == "star":
        radii[1::2] /= 2.5
    points = centre + radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return [(float(x), float(y)) for x, y in points]


def _bytes(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def write_clips(folder: Path, count: int, seed: int) -> None:
    """`count` WAV files of CLIP_S at SAMPLING_RATE, 16 bit, and INDEX: file, label (of SOUNDS) and speaker."""
    import soundfile

    folder.mkdir(parents=True)
    with (folder / INDEX).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "label", "speaker"])
        for number in range(count):
            rng = np.random.default_rng([seed, number])
            label, name = SOUNDS[number % len(SOUNDS)], f"{number:06d}.wav"
            soundfile.write(folder / name, clip(label, rng), SAMPLING_RATE, subtype="PCM_16")
            writer.writerow([name, label, f"s{number // len(SOUNDS) % SPEAKERS}"])


def clip(label: str, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Samples (T,) in -1..1: a sound of that kind with quiet noise, and near-silence of some length at both ends."""
    seconds = np.arange(round(CLIP_S * SAMPLING_RATE)) / SAMPLING_RATE
    base = rng.uniform(80, 400)
    kinds: dict[str, Callable[[], npt.NDArray[np.float64]]] = {
        "hum": lambda: sum(np.sin(2 * math.pi * base * n * seconds) / n for n in range(1, 8)),
        "chord": lambda: sum(np.sin(2 * math.pi * base * r * seconds) for r in (1, 1.25, 1.5, 2)),
        "chirp": lambda: np.sin(2 * math.pi * (base + rng.uniform(500, 3000) * seconds) * seconds),
        "hiss": lambda: rng.standard_normal(len(seconds)) * (1 + np.sin(2 * math.pi * rng.uniform(2, 12) * seconds)),
    }
    sound = kinds[label]()
    start, end = rng.uniform(0.02, 0.15), CLIP_S - rng.uniform(0.02, 0.15)
    envelope = np.clip(np.minimum(seconds - start, end - seconds) / FADE_S, 0, 1)
    loud = rng.uniform(0.2, 0.9) * sound * envelope / np.abs(sound).max()
    return loud + rng.standard_normal(len(seconds)) * 1e-3
