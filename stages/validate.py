"""Validate: fetched -> verdicts and rejected samples; fails when the contract is broken."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from stages.checks.answers import Answers, show_unknown
from stages.checks.contract import Breach, breaches, check_codes
from stages.checks.media import make_inspector
from stages.checks.verdicts import add_codes, any_of, build, masks_of, of_media, remember
from stages.core import report, samples, tables
from stages.core.blocks import Decode, Options
from stages.core.errors import UserError
from stages.core.media import mapped
from stages.core.params import load

VERDICTS = pa.schema([("id", pa.string()), ("issues", pa.list_(pa.string())), ("rejected", pa.bool_())])

Inspected = tuple[pa.Table, list[list[str]]]


def main() -> None:
    params = load()
    block = params.validating
    checks = build(block.checks)
    media = of_media(block.checks, params.modality)
    known = [*checks, *(f"{params.modality}.{name}" for name in media)]
    check_codes(block.reject, known, "validate.reject")
    check_codes(list(block.contract.max_shares), known, "validate.contract.max_shares")
    codes: Counter[str] = Counter()
    answers = Answers(params.labels, params.clean.labels)
    examples: dict[str, list[str]] = {}
    total = tables.rows("data/fetched", "samples")
    with (
        tables.new_folder("data/validated") as folder,
        tables.Writer(folder, "verdicts", VERDICTS) as verdicts,
        tables.Writer(folder, "rejected", samples.SCHEMA) as rejected,
    ):
        for batch, seen in report.track_pairs(inspected(params.modality, media, params.decode), "validate", total):
            labelled = answers.seen(batch)
            masks = {code: check(labelled, params.labels) for code, check in checks.items()}
            masks |= masks_of([code for code in known if code not in checks], seen)
            issues = add_codes(batch["issues"].to_pylist(), masks)
            out = any_of(masks, block.reject, len(batch))
            verdicts.write(pa.table([batch["id"], pa.array(issues, VERDICTS.field(1).type), out], schema=VERDICTS))
            rejected.write(samples.replace(batch, issues=issues).filter(pa.array(out)))
            codes.update(code for row in issues for code in row)
            answers.count(batch.filter(pa.array(~out)), labelled.filter(pa.array(~out)))
            remember(examples, batch, masks)
    counted = {name: count for name, count in answers.classes.items() if name not in answers.unknown}
    known_classes = None if params.task == "regression" else counted
    broken = breaches(
        rows=total, classes=known_classes, codes=codes, labels=params.labels, **block.contract.model_dump()
    )
    tables.write_json("metrics/validate.json", metrics(total, rejected.rows, codes, answers, known, broken))
    rows = [(code, count, "  ".join(examples.get(code, []))) for code, count in sorted(codes.items())]
    report.table(f"{total} rows, {rejected.rows} rejected", ["reason code", "rows", "examples"], rows)
    show_unknown(answers.unknown, params.labels)
    if broken:
        stop(broken)


def inspected(modality: str, checks: Mapping[str, Options], limits: Decode | None) -> Iterator[Inspected]:
    """The fetched samples in batches, with the reason codes of their images or sounds, decoded in bounded processes."""
    rows = tables.comfortable_rows("data/fetched", "samples")
    batches = tables.batches("data/fetched", "samples", batch_rows=rows)
    if not checks or limits is None:
        for batch in batches:
            yield batch, [list[str]() for _ in range(len(batch))]
        return
    arguments = {
        "family": modality,
        "checks": checks,
        "max_pixels": int(limits.max_megapixels * 1e6),
        "max_seconds": limits.max_duration_s,
    }
    yield from mapped(
        batches,
        modality,
        make_inspector,
        arguments,
        lost=lambda _, why: [f"{modality}.{why}"],
        workers=limits.workers,
        timeout_s=limits.timeout_s,
        memory_mib=limits.memory_mib,
    )


def metrics(
    total: int,
    rejected: int,
    codes: Mapping[str, int],
    answers: Answers,
    checks: Sequence[str],
    broken: Sequence[Breach],
) -> dict[str, object]:
    """in = kept + rejected; counts a reason code, a class as clean will see it, and a spelling of one as it came."""
    return {
        "rows": total,
        "kept": total - rejected,
        "rejected": rejected,
        "contract_breaches": len(broken),
        "issues": {code: codes.get(code, 0) for code in sorted({*checks, *codes})},
        **answers.metrics(),
    }


def stop(broken: Sequence[Breach]) -> None:
    """Show the broken clauses and raise the error that stops the line."""
    report.table(
        "The contract (validate.contract) is broken",
        ["clause", "found", "allowed", "what to do"],
        [(b.clause, b.found, b.allowed, b.advice) for b in broken],
    )
    clauses = "clause" if len(broken) == 1 else "clauses"
    raise UserError(
        f"{len(broken)} {clauses} of the data contract broken: {', '.join(b.clause for b in broken)}",
        "mend the data, or change validate.contract in a commit that says why; "
        "the whole report is in metrics/validate.json and data/validated/",
    )


if __name__ == "__main__":
    report.run("validate", main)
