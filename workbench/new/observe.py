"""The rows as `fetch` and `validate` will see them: how many, of which classes, and what the checks find."""

from collections import Counter
from collections.abc import Iterator

import pyarrow as pa

from stages.checks.answers import Answers
from stages.checks.verdicts import add_codes, build
from stages.core import registry, report
from stages.core.params import Params
from stages.sources import SOURCES
from stages.sources import rows as source_rows
from workbench.new.contract import Found
from workbench.new.tables import MOST_ROWS


def observe(params: Params) -> Found:
    """Look at the first rows, without decoding pictures or sounds.

    Raises:
        UserError: the source cannot be read as params say.
    """
    checks = build(params.validating.checks)
    answers = Answers(params.labels, params.clean.labels)
    rows, codes = 0, Counter[str]()
    for batch in report.track(samples(params), "checking"):
        seen = answers.seen(batch)
        masks = {code: check(seen, params.labels) for code, check in checks.items()}
        codes.update(code for row in add_codes(batch["issues"].to_pylist(), masks) for code in row)
        answers.count(batch, seen)
        rows += len(batch)
    classes = {name: answers.classes[name] for name in params.labels}
    return Found(rows, classes, {code: count / rows for code, count in codes.items()} if rows else {})


def samples(params: Params) -> Iterator[pa.Table]:
    """The samples that `fetch` would write, in batches, `MOST_ROWS` rows or a batch more."""
    block = params.fetch
    source = registry.member(SOURCES, block.source, "fetch.source")
    options = registry.options(source, block.options, "fetch.options")
    reading = source(**options)(block.path, source_rows.wanted(block.columns, block.extra))
    seen = 0
    for batch in source_rows.read(
        reading,
        columns=block.columns,
        extra=block.extra,
        splits=block.splits,
        labels=block.labels,
        limit_rows=block.limit_rows,
    ):
        yield batch
        seen += len(batch)
        if seen >= MOST_ROWS:
            return
