"""From an image to its derived ones, as PNG."""

from collections.abc import Mapping

import numpy as np

from stages.augmenters import IMAGE
from stages.augmenters.imgaug_shim import ImageAugmenter, Pixels
from stages.augmenters.media import MediaDeriver
from stages.augmenters.steps import build_steps
from stages.core.blocks import Options

KEY = "augment.image.steps"


def make_picture_deriver(*, steps: Mapping[str, Options], seed: int) -> MediaDeriver[ImageAugmenter, Pixels]:
    """The deriver with its augmenters built: a second or more, so once a process.

    Images in mode L stay grey, others are derived as RGB, on white where they are transparent.

    Args:
        steps: name -> options, in the order of application.

    Raises:
        UserError: no step, or none with a probability above 0; what the augmenters find wrong.
    """
    from PIL import Image

    from stages.modalities.picture import decode, to_array, to_png

    return MediaDeriver(
        seed=seed,
        steps=build_steps(IMAGE, steps, KEY),
        decode=lambda data: to_array(decode(data)),
        encode=lambda pixels: to_png(Image.fromarray(pixels)),
        apply=_apply,
    )


def _apply(step: ImageAugmenter, pixels: Pixels, rng: np.random.Generator) -> Pixels:
    return step(pixels, rng)
