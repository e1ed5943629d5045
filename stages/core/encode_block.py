"""The block `encode` of params.yaml: types and ranges."""

from typing import Annotated, Literal

from pydantic import Field

from stages.core.blocks import OF_MEDIA, OF_TEXTS, Options, Positive, Strict


class Encode(Strict):
    """How inputs become tensors: `max_length_tokens` for texts, `processor` for images and sounds.

    The others are of the strategies that freeze part of the model: head and last_layers.
    """

    max_length_tokens: Annotated[Annotated[int, Field(ge=4)] | None, OF_TEXTS] = None
    processor: Annotated[Options | None, OF_MEDIA] = None
    batch_rows: Positive
    last_layers: Positive
    pooling: Literal["native", "mean"]
    cache_dtype: Literal["float32", "float16"]
    max_cache_gib: Annotated[float, Field(ge=0)]
    device: Literal["auto", "cpu", "cuda", "mps"]
