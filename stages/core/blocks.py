"""The blocks of params.yaml: types and ranges. Every default stands in params.yaml and the recipes."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.fields import FieldInfo

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Column = str | int
"""A column of a source: its name, or its position from 0."""
Mapped = Literal["text", "text_pair", "image", "audio", "label", "value", "target", "group", "split"]
"""Columns of a sample that a source's columns can fill."""
Options = dict[str, Any]
"""Options of a registry's member: checked against its signature by the stage that uses it."""


@dataclass(frozen=True)
class Only:
    """Marks a key that belongs to some modalities: there it must stand, elsewhere it means nothing."""

    modalities: tuple[str, ...]


OF_TEXTS = Only(("text",))
OF_IMAGES = Only(("image",))
OF_SOUNDS = Only(("audio",))
OF_MEDIA = Only(("image", "audio"))


class Strict(BaseModel):
    """No unknown keys, no conversions: `"3"` is no number. A mapping without entries may be written as nothing."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, protected_namespaces=())

    @model_validator(mode="before")
    @classmethod
    def _null_is_an_empty_mapping(cls, content: Any) -> Any:
        if not isinstance(content, dict):
            return content
        return {**content, **{key: {} for key, field in keys(cls) if content.get(key, 0) is None and is_mapping(field)}}


def keys(block: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    """The keys of a block as params.yaml writes them, and what is known of each."""
    for name, field in block.model_fields.items():
        yield field.alias or name, field


def block_of(field: FieldInfo) -> type[BaseModel] | None:
    """The block that is the value of a key, null or not; None where its value is something else."""
    return next((one for one in _types(field) if isinstance(one, type) and issubclass(one, BaseModel)), None)


def is_mapping(field: FieldInfo) -> bool:
    """Whether the value of a key is a mapping of the user's own entries, which cannot be null."""
    types = _types(field)
    return any(get_origin(one) is dict for one in types) and type(None) not in types


def _types(field: FieldInfo) -> tuple[Any, ...]:
    return get_args(field.annotation) if get_origin(field.annotation) in (Union, UnionType) else (field.annotation,)


class Fetch(Strict):
    """Where samples come from."""

    source: str
    path: str
    columns: dict[Mapped, Column | list[Column]]
    extra: list[Column] | Literal["all"]
    splits: dict[str, Literal["train", "validation", "test"]]
    labels: dict[str, str]
    licence: str
    limit_rows: Positive | None
    options: Options


class Decode(Strict):
    """What one image or sound may cost to decode, in processes of its own: files from outside are not trusted."""

    max_megapixels: Annotated[float, Field(gt=0)]
    max_duration_s: Annotated[float, Field(gt=0)]
    timeout_s: Annotated[float, Field(gt=0)]
    memory_mib: Positive
    workers: Count


class Contract(Strict):
    """What the data as a whole must keep; shares are of all fetched rows."""

    min_rows: Count
    min_rows_per_class: Count
    max_imbalance: Annotated[float, Field(ge=1)]
    max_shares: dict[str, Share]


class Validate(Strict):
    """Checks by reason code, which of them reject a sample, and the contract."""

    checks: dict[str, dict[str, Options]]
    reject: Annotated[
        list[str], Field(description="Reason codes that reject a sample; clean decides about the others.")
    ]
    contract: Contract


class Step(Strict):
    """A named step that can be switched off; the other keys are its options."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)
    enabled: bool

    @property
    def options(self) -> Options:
        """The step's own options."""
        return dict(self.model_extra or {})


class Ordered(Strict):
    """Named steps and the order in which they are applied."""

    order: Annotated[list[str], Field(description="Names each of `steps` once; they are applied in this order.")]
    steps: dict[str, Step]

    @model_validator(mode="after")
    def _order_names_each_step(self) -> "Ordered":
        if sorted(self.order) != sorted(self.steps):
            odd = sorted(set(self.order) ^ set(self.steps)) or self.order
            raise ValueError(f"`order` must name each of `steps` once; see: {', '.join(odd)}")
        return self


class Labels(Strict):
    """Label normalisation."""

    strip: bool
    casefold: bool
    map: dict[str, str]
    missing: Literal["drop", "fill", "keep"]
    fill: str
    unknown: Literal["drop", "keep"]
    conflicts: Literal["drop", "majority", "keep"]


class NearDuplicates(Strict):
    """Texts: MinHash LSH over character shingles. Images and sounds: distance of 64-bit perceptual hashes."""

    enabled: bool
    action: Literal["drop", "group"]
    threshold: Annotated[Annotated[float, Field(gt=0, le=1)] | None, OF_TEXTS] = None
    shingle_characters: Annotated[Annotated[int, Field(ge=1, le=32)] | None, OF_TEXTS] = None
    permutations: Annotated[Annotated[int, Field(ge=16, le=512)] | None, OF_TEXTS] = None
    max_distance_bits: Annotated[Annotated[int, Field(ge=0, le=16)] | None, OF_MEDIA] = None

    @model_validator(mode="after")
    def _one_kind(self) -> "NearDuplicates":
        of_texts = {value is not None for value in (self.threshold, self.shingle_characters, self.permutations)}
        if of_texts != {self.max_distance_bits is None}:
            raise ValueError(
                "texts need threshold, shingle_characters and permutations; images and sounds max_distance_bits alone"
            )
        return self


class Duplicates(Strict):
    """What happens to repeats of one input."""

    exact: Literal["drop", "keep"]
    near: NearDuplicates


class Outliers(Strict):
    """Checks on the cleaned text, and what happens to what they find."""

    checks: dict[str, Step]
    action: Literal["drop", "flag"]


class Clean(Strict):
    """Cleaners of the modality in order, then labels, duplicates and outliers."""

    text: Annotated[Ordered | None, OF_TEXTS] = None
    image: Annotated[Ordered | None, OF_IMAGES] = None
    audio: Annotated[Ordered | None, OF_SOUNDS] = None
    missing_text: Annotated[Literal["drop", "fill"] | None, OF_TEXTS] = None
    fill_text: Annotated[str | None, OF_TEXTS] = None
    labels: Labels
    duplicates: Duplicates
    outliers: Outliers


class Limits(Strict):
    """What a derived sample may differ by, so that its label still holds."""

    max_changed_share: Share
    min_characters: Count
    protected_words: Annotated[list[str], Field(description="Words that are never touched: they carry the label.")]


class Augment(Strict):
    """Derived samples."""

    copies: Count
    share: Share
    balance: dict[str, Count] | Literal["none", "largest"]
    max_copies: Positive
    workers: Count
    limits: Annotated[Limits | None, OF_TEXTS] = None
    text: Annotated[Ordered | None, OF_TEXTS] = None
    image: Annotated[Ordered | None, OF_IMAGES] = None
    audio: Annotated[Ordered | None, OF_SOUNDS] = None


class Ratios(Strict):
    """Shares of the samples; they add up to 1."""

    train: Share
    validation: Share
    test: Share

    @model_validator(mode="after")
    def _sum_to_one(self) -> "Ratios":
        total = self.train + self.validation + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train + validation + test must be 1, not {total:g}")
        return self


class Split(Strict):
    """How samples are shared out."""

    method: str
    predefined: Literal["respect", "ignore"]
    ratios: Ratios
    folds: Count
    options: Options


class Bootstrap(Strict):
    """Percentile intervals over resampled test samples."""

    resamples: Count
    confidence: Annotated[float, Field(gt=0, lt=1)]


class Evaluate(Strict):
    """What is measured on the test split."""

    bootstrap: Bootstrap
    calibration_bins: Positive
    mistakes: Count
