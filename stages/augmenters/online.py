"""Augmentation on the fly: the images of a batch changed anew in each epoch, while the model is trained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stages.augmenters import IMAGE
from stages.augmenters.imgaug_shim import ImageAugmenter, Pixels
from stages.core.blocks import Options
from stages.core.registry import build
from stages.core.seeds import generator

KEY = "finetune.online.steps"


@dataclass(frozen=True)
class Online:
    """Changes images; each change depends on the seed, the sample's id and the epoch alone."""

    seed: int
    steps: Mapping[str, ImageAugmenter]

    def __call__(self, batch: npt.NDArray[np.uint8], ids: Sequence[str], epoch: int) -> npt.NDArray[np.uint8]:
        """A changed copy of `batch`, uint8 (N, C, H, W) with 3 channels (RGB) or 1 (grey), of the samples `ids`."""
        changed = np.empty_like(batch)
        for image, sample_id, place in zip(batch, ids, changed, strict=True):
            rng = generator(self.seed, "online", sample_id, epoch)
            place[...] = _channels_first(self._one(_channels_last(image), rng))
        return changed

    def _one(self, pixels: Pixels, rng: np.random.Generator) -> Pixels:
        for name in [name for name, step in self.steps.items() if rng.random() < step.p]:
            pixels = self.steps[name](pixels, rng)
        return pixels


def make_online(*, steps: Mapping[str, Options], seed: int) -> Online:
    """The function `(batch, ids, epoch) -> batch` of the steps (name -> options), in their order.

    Each step is applied with its probability; an image that meets none stays as it is.

    Raises:
        UserError: an unknown step, or an option that is unknown, missing or out of range.
    """
    return Online(seed, {name: build(IMAGE, name, given, f"{KEY}.{name}") for name, given in steps.items()})


def _channels_last(image: npt.NDArray[np.uint8]) -> Pixels:
    return image[0] if len(image) == 1 else np.ascontiguousarray(image.transpose(1, 2, 0))


def _channels_first(pixels: Pixels) -> npt.NDArray[np.uint8]:
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
