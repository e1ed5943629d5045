"""Labels: one name a class, whatever annotators typed."""

from collections.abc import Callable, Mapping, Sequence

from stages.core.errors import UserError
from stages.core.registry import nearest


def normaliser(
    *, labels: Sequence[str], strip: bool, casefold: bool, mapping: Mapping[str, str]
) -> Callable[[str], str]:
    """A function from a label as it came to the class's own name, or to the trimmed label where there is none.

    Args:
        labels: the classes; empty: whatever occurs is a class.
        strip: trim white space.
        casefold: compare with `labels` and `mapping` without regard to case.
        mapping: other names -> a class.

    Raises:
        UserError: a mapping to something that is no class.
    """
    strange = sorted({name for name in mapping.values() if labels and name not in labels})
    if strange:
        raise UserError(
            f"params.yaml: clean.labels.map: not among `labels`: {', '.join(strange)}{nearest(strange[0], labels)}",
            f"labels has: {', '.join(labels)}; add the class there, or map to one of these",
        )

    def key(label: str) -> str:
        trimmed = label.strip() if strip else label
        return trimmed.casefold() if casefold else trimmed

    known = {key(name): name for name in labels} | {key(name): to for name, to in mapping.items()}
    return lambda label: known.get(key(label), label.strip() if strip else label)
