"""Labels as `clean` will see them: trimmed, mapped, whatever their case. Checks and the contract go by these."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa

from stages.core import report, samples
from stages.core.blocks import Labels
from stages.core.labels import normaliser
from stages.core.registry import nearest_name

MOST_SHOWN = 30
"""Unknown labels in the terminal, the most frequent; metrics/validate.json has those that may be names of classes."""


class Answers:
    """Counts the labels of accepted rows: by class as `clean` will have it, and by each other spelling as it came."""

    def __init__(self, labels: Sequence[str], rules: Labels) -> None:
        self.classes: Counter[str] = Counter()
        self.spellings: Counter[str] = Counter()
        self._labels = labels
        self._name_of: Callable[[str], str] = normaliser(
            labels=labels, strip=rules.strip, casefold=rules.casefold, mapping=rules.map
        )

    def seen(self, batch: pa.Table) -> pa.Table:
        """The batch with each label as `clean` will see it; those of white space stay what they are."""
        coded = batch["label"].combine_chunks().dictionary_encode()
        names = [
            name if name is None or not name.strip() else self._name_of(name) for name in coded.dictionary.to_pylist()
        ]
        return samples.replace(batch, label=pa.array(names, pa.string()).take(coded.indices))

    def count(self, came: pa.Table, seen: pa.Table) -> None:
        """Add accepted rows: as they came, and as `seen` has made them."""
        pairs = Counter(zip(came["label"].to_pylist(), seen["label"].to_pylist(), strict=True))
        for (spelling, name), rows in pairs.items():
            if name is not None:
                self.classes[name] += rows
                self.spellings[spelling] += rows if spelling != name else 0

    @property
    def unknown(self) -> dict[str, int]:
        """Labels that are no class, even as `clean` will see them -> rows, the most frequent first."""
        found = {name: rows for name, rows in self.classes.most_common() if name.strip() and name not in self._labels}
        return found if self._labels else {}

    def metrics(self) -> dict[str, dict[str, int]]:
        """Rows a class, and rows a spelling of one that is not its name (see `samples.short_names`)."""
        spellings = {name: rows for name, rows in self.spellings.items() if rows}
        return {"labels": samples.short_names(self.classes), "spellings": samples.short_names(spellings)}


def show_unknown(unknown: Mapping[str, int], labels: Sequence[str]) -> None:
    """Labels that are no class, with what each may stand for, and lines for params.yaml."""
    if not unknown:
        return
    meant = {name: nearest_name(name, labels) for name in unknown}
    shown = list(unknown.items())[:MOST_SHOWN]
    rows = [
        (name, count, f"map: {name} -> {to}" if (to := meant[name]) else "add it to labels, or map it")
        for name, count in shown
    ]
    report.table(f"{len(unknown)} labels that are no class (clean drops them)", ["label", "rows", "proposal"], rows)
    if len(unknown) > MOST_SHOWN:
        report.note(f"and {len(unknown) - MOST_SHOWN} more: metrics/validate.json counts them")
    pairs = ", ".join(f"{_quoted(name)}: {_quoted(to)}" for name, _ in shown if (to := meant[name]))
    if pairs:
        report.note(f"To take those for classes, in params.yaml: clean.labels.map: {{{pairs}}}")


def _quoted(text: str) -> str:
    """A text as YAML within braces."""
    escaped = text.replace("'", "''")
    return (
        text if text.replace(" ", "").replace("_", "").isalpha() and text.lower() not in YAML_WORDS else f"'{escaped}'"
    )


YAML_WORDS = ("true", "false", "null", "yes", "no", "on", "off")
