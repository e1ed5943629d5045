"""Validate: fetched -> verdicts and rejected samples; fails when the contract is broken."""

from collections import Counter
from collections.abc import Mapping, Sequence

import pyarrow as pa

from stages.checks.contract import Breach, breaches, check_codes
from stages.checks.verdicts import add_codes, any_of, build, remember
from stages.core import report, samples, tables
from stages.core.errors import UserError
from stages.core.params import load

VERDICTS = pa.schema([("id", pa.string()), ("issues", pa.list_(pa.string())), ("rejected", pa.bool_())])


def main() -> None:
    params = load()
    block = params.validating
    checks = build(block.checks)
    check_codes(block.reject, list(checks), "validate.reject")
    check_codes(list(block.contract.max_shares), list(checks), "validate.contract.max_shares")
    codes: Counter[str] = Counter()
    classes: Counter[str] = Counter()
    examples: dict[str, list[str]] = {}
    total = tables.rows("data/fetched", "samples")
    with (
        tables.new_folder("data/validated") as folder,
        tables.Writer(folder, "verdicts", VERDICTS) as verdicts,
        tables.Writer(folder, "rejected", samples.SCHEMA) as rejected,
    ):
        for batch in report.track(tables.batches("data/fetched", "samples"), "validate", total):
            masks = {code: check(batch, params.labels) for code, check in checks.items()}
            issues = add_codes(batch["issues"].to_pylist(), masks)
            out = any_of(masks, block.reject, len(batch))
            verdicts.write(pa.table([batch["id"], pa.array(issues, VERDICTS.field(1).type), out], schema=VERDICTS))
            rejected.write(samples.replace(batch, issues=issues).filter(pa.array(out)))
            codes.update(code for row in issues for code in row)
            classes.update(batch["label"].filter(pa.array(~out)).drop_null().to_pylist())
            remember(examples, batch, masks)
    counted = {label: count for label, count in classes.items() if not params.labels or label in params.labels}
    broken = breaches(rows=total, classes=counted, codes=codes, labels=params.labels, **block.contract.model_dump())
    tables.write_json("metrics/validate.json", metrics(total, rejected.rows, codes, classes, list(checks), broken))
    rows = [(code, count, "  ".join(examples.get(code, []))) for code, count in sorted(codes.items())]
    report.table(f"{total} rows, {rejected.rows} rejected", ["reason code", "rows", "examples"], rows)
    if broken:
        stop(broken)


def metrics(
    total: int,
    rejected: int,
    codes: Mapping[str, int],
    classes: Mapping[str, int],
    checks: Sequence[str],
    broken: Sequence[Breach],
) -> dict[str, object]:
    """in = kept + rejected; counts a reason code, and a label as it came."""
    return {
        "rows": total,
        "kept": total - rejected,
        "rejected": rejected,
        "contract_breaches": len(broken),
        "issues": {code: codes.get(code, 0) for code in sorted({*checks, *codes})},
        "labels": dict(sorted(classes.items())),
    }


def stop(broken: Sequence[Breach]) -> None:
    """Show the broken clauses and raise the error that stops the line."""
    report.table(
        "The contract (validate.contract) is broken",
        ["clause", "found", "allowed", "what to do"],
        [(b.clause, b.found, b.allowed, b.advice) for b in broken],
    )
    raise UserError(
        f"{len(broken)} clause(s) of the data contract broken: {', '.join(b.clause for b in broken)}",
        "mend the data, or change validate.contract in a commit that says why; "
        "the whole report is in metrics/validate.json and data/validated/",
    )


if __name__ == "__main__":
    report.run("validate", main)
