"""Image augmenters by imgaug: factories whose options come from params.yaml, each returning an `ImageAugmenter`.

In all of them `p` is the probability that the step is applied to a derived image; amounts are drawn evenly
between the limits that the options give. Images are uint8, (H, W, 3) RGB or (H, W) grey, and keep their shape.

`scale`, `rotate`, `translate` and `shear` interpolate linearly (order 1) and fill uncovered pixels as `fill` says:
`edge` repeats the outermost pixel, `constant` is black, `reflect` mirrors at the outermost pixel, `symmetric`
behind it, `wrap` goes on from the other side. `crop` and `perspective` enlarge to the old size by cubic
interpolation (order 3) and uncover nothing. The colour steps `grey`, `saturation` and `hue` leave grey images alone.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from stages.augmenters.imgaug_shim import ImageAugmenter, load
from stages.core.blocks import Positive, Share
from stages.core.errors import UserError

Fill = Literal["edge", "constant", "reflect", "symmetric", "wrap"]
PartOfSide = Annotated[float, Field(gt=0, lt=0.5)]
Factor = Annotated[float, Field(ge=0, le=10)]
Zoom = Annotated[float, Field(ge=0.1, le=10)]
GreyLevels = Annotated[float, Field(ge=0, le=128)]
Pixel = Annotated[float, Field(ge=0, le=50)]
Quality = Annotated[int, Field(ge=1, le=100)]

LINEAR = 1
MID_GREY = 128


def crop(*, p: Share, max_share: PartOfSide) -> ImageAugmenter:
    """Up to `max_share` of the height or width off each side, then enlarged to the old size."""
    return ImageAugmenter(p, _iaa().Crop(percent=(0.0, max_share), keep_size=True))


def scale(*, p: Share, min_factor: Zoom, max_factor: Zoom, fill: Fill) -> ImageAugmenter:
    """Larger (above 1) or smaller about the centre, in both directions alike."""
    _ordered("scale", min_factor=min_factor, max_factor=max_factor)
    return _affine(p, fill, scale=(min_factor, max_factor))


def rotate(*, p: Share, max_degrees: Annotated[float, Field(gt=0, le=180)], fill: Fill) -> ImageAugmenter:
    """Turned about the centre, either way."""
    return _affine(p, fill, rotate=(-max_degrees, max_degrees))


def flip(*, p: Share, direction: Literal["horizontal", "vertical"]) -> ImageAugmenter:
    """Mirrored: `horizontal` swaps left and right, `vertical` top and bottom. Not for digits or letters."""
    iaa = _iaa()
    return ImageAugmenter(p, (iaa.Fliplr if direction == "horizontal" else iaa.Flipud)(1.0))


def translate(*, p: Share, max_share: Annotated[float, Field(gt=0, lt=1)], fill: Fill) -> ImageAugmenter:
    """Moved by up to `max_share` of the width and of the height, in whole pixels."""
    moved = (-max_share, max_share)
    return _affine(p, fill, translate_percent={"x": moved, "y": moved})


def shear(*, p: Share, max_degrees: Annotated[float, Field(gt=0, le=60)], fill: Fill) -> ImageAugmenter:
    """Slanted along the width, as italics are, either way."""
    return _affine(p, fill, shear=(-max_degrees, max_degrees))


def perspective(*, p: Share, max_share: PartOfSide) -> ImageAugmenter:
    """Seen from aside: each corner moves inwards by up to `max_share` of the width and of the height."""
    aug = _iaa().PerspectiveTransform(scale=max_share, mode="replicate", keep_size=True)
    aug.jitter = load("imgaug.parameters").Uniform(0.0, max_share)  # imgaug's own is normal, without a bound
    return ImageAugmenter(p, aug)


def grey(*, p: Share, min_alpha: Share, max_alpha: Share) -> ImageAugmenter:
    """Blended with its grey version: alpha 0 keeps the colours, 1 takes them all."""
    _ordered("grey", min_alpha=min_alpha, max_alpha=max_alpha)
    return ImageAugmenter(p, _iaa().Grayscale(alpha=(min_alpha, max_alpha)), colour=True)


def brightness(*, p: Share, min_factor: Factor, max_factor: Factor) -> ImageAugmenter:
    """All values multiplied by one factor, and clipped at 255."""
    _ordered("brightness", min_factor=min_factor, max_factor=max_factor)
    return ImageAugmenter(p, _iaa().Multiply((min_factor, max_factor)))


def contrast(*, p: Share, min_factor: Factor, max_factor: Factor) -> ImageAugmenter:
    """Distances from mid-grey multiplied by one factor, and clipped."""
    _ordered("contrast", min_factor=min_factor, max_factor=max_factor)
    return ImageAugmenter(p, _iaa().LinearContrast((min_factor, max_factor)))


def saturation(*, p: Share, min_factor: Factor, max_factor: Factor) -> ImageAugmenter:
    """The S of HSV multiplied by one factor: 0 is grey."""
    _ordered("saturation", min_factor=min_factor, max_factor=max_factor)
    return ImageAugmenter(p, _iaa().MultiplySaturation((min_factor, max_factor)), colour=True)


def hue(*, p: Share, max_degrees: Annotated[float, Field(ge=2, le=180)]) -> ImageAugmenter:
    """The H of HSV turned on the colour circle, in steps of two degrees."""
    steps = round(max_degrees / 360 * 255)  # imgaug's unit
    return ImageAugmenter(p, _iaa().AddToHue((-steps, steps)), colour=True)


def gaussian_noise(*, p: Share, min_sigma: GreyLevels, max_sigma: GreyLevels, per_channel: bool) -> ImageAugmenter:
    """Normal noise of `sigma` grey levels (of 255), the same for the three colours or `per_channel`."""
    _ordered("gaussian_noise", min_sigma=min_sigma, max_sigma=max_sigma)
    return ImageAugmenter(p, _iaa().AdditiveGaussianNoise(scale=(min_sigma, max_sigma), per_channel=per_channel))


def salt_and_pepper(*, p: Share, max_share: Annotated[float, Field(gt=0, le=1)]) -> ImageAugmenter:
    """Up to `max_share` of the pixels to white or black."""
    return ImageAugmenter(p, _iaa().SaltAndPepper((0.0, max_share)))


def blur(*, p: Share, min_sigma: Pixel, max_sigma: Pixel) -> ImageAugmenter:
    """Gaussian blur of `sigma` pixels."""
    _ordered("blur", min_sigma=min_sigma, max_sigma=max_sigma)
    return ImageAugmenter(p, _iaa().GaussianBlur((min_sigma, max_sigma)))


def jpeg(*, p: Share, min_quality: Quality, max_quality: Quality) -> ImageAugmenter:
    """JPEG artefacts: compressed with a quality of 1 (worst) to 100, and read again."""
    _ordered("jpeg", min_quality=min_quality, max_quality=max_quality)
    most, least = ((100 - quality) * 100 / 99 for quality in (min_quality, max_quality))  # quality 1 is 100, 100 is 0
    return ImageAugmenter(p, _iaa().JpegCompression((least, most)))


def cutout(*, p: Share, count: Positive, share: Annotated[float, Field(gt=0, le=1)]) -> ImageAugmenter:
    """`count` rectangles of `share` of the height and of the width to mid-grey, anywhere, over each other too."""
    aug = _iaa().Cutout(nb_iterations=count, size=share, squared=False, fill_mode="constant", cval=MID_GREY)
    return ImageAugmenter(p, aug)


def _iaa() -> Any:
    return load("imgaug.augmenters")


def _affine(p: float, fill: Fill, **options: Any) -> ImageAugmenter:
    return ImageAugmenter(p, _iaa().Affine(mode=fill, cval=0, order=LINEAR, backend="cv2", **options))


def _ordered(name: str, **limits: float) -> None:
    (low, lower), (high, upper) = limits.items()
    if lower > upper:
        raise UserError(
            f"params.yaml: steps.{name}.{low}: {lower} is above {high}, {upper}", f"{low} must not be above {high}"
        )
