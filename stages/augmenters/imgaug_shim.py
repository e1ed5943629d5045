"""imgaug, tamed: the one place that imports it, on numpy 2, and seeds it from a generator."""

import importlib
import warnings
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from stages.core.registry import missing_package

Pixels = npt.NDArray[np.uint8]
"""(H, W, 3) RGB or (H, W) grey."""

MAX_SIDE = 32766
"""OpenCV before 5 warps no longer side; such a picture comes back as it is, which counts as unchanged."""

REMOVED = {
    "sctypes": {
        "int": [np.int8, np.int16, np.int32, np.int64],
        "uint": [np.uint8, np.uint16, np.uint32, np.uint64],
        "float": [np.float16, np.float32, np.float64],
    },
    "complex": complex,
}
"""What imgaug 0.4.0 reads of numpy and numpy 2 no longer has."""


@cache
def load(module: str) -> ModuleType:
    """A module of imgaug, such as `imgaug.augmenters`; a second or more the first time.

    OpenCV is held to one thread: the pictures are small, and the cores are shared out by processes.

    Raises:
        UserError: imgaug is not installed.
    """
    for name, value in REMOVED.items():
        if not hasattr(np, name):
            setattr(np, name, value)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of syntax that newer Pythons warn of
            importlib.import_module("cv2").setNumThreads(1)
            return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise missing_package("params.yaml: augment.image: a package is not installed", error) from error


@dataclass(frozen=True)
class ImageAugmenter:
    """A step of the augmentation: called with pixels and a generator it gives changed pixels of the same shape.

    imgaug draws from that generator itself, so that nothing but its state decides, and nothing is seeded anew.

    Args:
        p: the probability that the step is applied to a derived image; the caller, who knows all steps, draws.
        aug: an augmenter of imgaug.
        colour: it works on colours only: grey images come back as they are.
    """

    p: float
    aug: Any
    colour: bool = False
    parts: list[Any] = field(init=False)
    """The augmenter and those inside it: each has a random state of its own."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", [self.aug, *self.aug.get_all_children(flat=True)])

    def __call__(self, pixels: Pixels, rng: np.random.Generator) -> Pixels:
        if max(pixels.shape[:2]) > MAX_SIDE or (self.colour and pixels.ndim == 2):
            return pixels
        state = load("imgaug.random").RNG(rng)
        for part in self.parts:
            part.random_state = state
        image = pixels.copy() if pixels.ndim == 3 else pixels[..., None].copy()
        batch = load("imgaug.augmentables.batches")._BatchInAugmentation(images=[image])  # `augment_image` is slower
        changed: Pixels = np.ascontiguousarray(self.aug.augment_batch_(batch).images[0])
        return changed.reshape(pixels.shape)
