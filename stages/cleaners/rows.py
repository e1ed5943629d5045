"""What can be decided a row at a time: the text chain or the cleaned image or sound, missing values and labels."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pyarrow as pa

from stages.cleaners.cleaned import Cleaned
from stages.core import samples
from stages.core.blocks import Step
from stages.core.registry import build, member, options

Chain = Callable[[str], tuple[str, tuple[str, ...]]]


@dataclass(frozen=True)
class RowCleaner:
    """Cleans a batch of samples; `changed` counts the rows that each step changed.

    `chain` is for texts; images and sounds come cleaned, with `modality` for the name of their column. Where the
    `answer` is a value, labels stay as they are, and `drop_missing_labels` concerns values.
    """

    modality: str
    chain: Chain
    normalise: Callable[[str], str]
    labels: frozenset[str]
    fill_text: str | None
    fill_label: str | None
    drop_missing_labels: bool
    drop_unknown_labels: bool
    answer: Literal["label", "value"] = "label"
    changed: Counter[str] = field(default_factory=Counter)

    def __call__(self, batch: pa.Table, media: Sequence[Cleaned | None] = ()) -> tuple[pa.Table, list[str]]:
        """The batch cleaned, with its issues, and the reason a row is dropped for, or the empty text.

        `media` holds the cleaned images or sounds (N), None where a sample has none.
        """
        issues: list[list[str]] = batch["issues"].to_pylist()
        reasons = [""] * len(batch)
        columns: dict[str, list[Any]] = {
            name: self._texts(batch[name].to_pylist(), issues, reasons, required=name == self.modality)
            for name in ("text", "text_pair")
            if batch[name].null_count < len(batch) or name == self.modality
        }
        if self.modality != "text":
            columns[self.modality] = self._media(media, issues, reasons)
        if self.answer == "value":
            self._values(batch["value"].to_pylist(), issues, reasons)
            return samples.replace(batch, **columns, issues=issues), reasons
        columns["label"] = self._labels(batch["label"].to_pylist(), issues, reasons)
        if self.fill_label is not None:  # a label that nobody gave is no gold label
            origins = zip(issues, batch["label_source"].to_pylist(), strict=True)
            columns["label_source"] = ["rule" if "label.filled" in codes else origin for codes, origin in origins]
        return samples.replace(batch, **columns, issues=issues), reasons

    def _texts(
        self, texts: Sequence[str | None], issues: list[list[str]], reasons: list[str], *, required: bool
    ) -> list[str | None]:
        cleaned: list[str | None] = []
        for row, text in enumerate(texts):
            new, steps = self.chain(text) if text else (text, ())
            for step in steps:
                self.changed[step] += 1
                _add(issues[row], f"text.{step}")
            if "unstable" in steps:
                reasons[row] = reasons[row] or "text.unstable"
            if required and not new:
                code = "text.missing" if text is None else "text.empty"
                _add(issues[row], code)
                if self.fill_text is None:
                    reasons[row] = reasons[row] or code
                else:
                    new = self.fill_text
                    _add(issues[row], "text.filled")
            cleaned.append(new)
        return cleaned

    def _media(
        self, media: Sequence[Cleaned | None], issues: list[list[str]], reasons: list[str]
    ) -> list[dict[str, Any] | None]:
        found: list[dict[str, Any] | None] = []
        for row, one in enumerate(media):
            problem = f"{self.modality}.missing" if one is None else one.problem
            if problem:
                _add(issues[row], problem)
                reasons[row] = reasons[row] or problem
            for step in one.steps if one else ():
                self.changed[step] += 1
                _add(issues[row], f"{self.modality}.{step}")
            found.append(one and {"bytes": one.bytes, "path": one.path})
        return found

    def _values(self, values: Sequence[float | None], issues: list[list[str]], reasons: list[str]) -> None:
        for row in (row for row, value in enumerate(values) if value is None):
            code = "value.invalid" if "value.invalid" in issues[row] else "value.missing"
            _add(issues[row], code)
            if self.drop_missing_labels:
                reasons[row] = reasons[row] or code

    def _labels(self, labels: Sequence[str | None], issues: list[list[str]], reasons: list[str]) -> list[str | None]:
        cleaned: list[str | None] = []
        for row, label in enumerate(labels):
            new = self.normalise(label) if label is not None and label.strip() else None
            if new is not None and new != label:
                self.changed["labels"] += 1
                _add(issues[row], "label.mapped")
            if new is None:
                _add(issues[row], "label.missing")
                if self.fill_label is not None:
                    new = self.fill_label
                    _add(issues[row], "label.filled")
                elif self.drop_missing_labels:
                    reasons[row] = reasons[row] or "label.missing"
            elif self.labels and new not in self.labels:
                _add(issues[row], "label.unknown")
                if self.drop_unknown_labels:
                    reasons[row] = reasons[row] or "label.unknown"
            cleaned.append(new)
        return cleaned


def _add(codes: list[str], code: str) -> None:
    if code not in codes:
        codes.append(code)


def build_steps(registry: Mapping[str, str], steps: Mapping[str, Step], where: str) -> dict[str, Any]:
    """The enabled steps by name, in their order, built from their options; the others' options are checked too."""
    for name, step in steps.items():
        options(member(registry, name, f"{where}.{name}"), step.options, f"{where}.{name}")
    return {
        name: build(registry, name, step.options, f"{where}.{name}") for name, step in steps.items() if step.enabled
    }
