"""fetch: a source -> data/fetched, samples and provenance; metrics/fetch.json."""

from collections import Counter
from typing import Any

from stages.core import registry, report, tables
from stages.core.params import load
from stages.core.samples import SCHEMA, SPLITS
from stages.sources import SOURCES, rows


def main() -> None:
    """Read every row of `fetch.source`, in batches, and write it down as samples."""
    params = load()
    fetch = params.fetch
    source = registry.member(SOURCES, fetch.source, "fetch.source")
    options = registry.options(source, fetch.options, "fetch.options")
    reading = source(**options)(fetch.path, rows.wanted(fetch.columns, fetch.extra))
    batches = rows.read(
        reading,
        columns=fetch.columns,
        extra=fetch.extra,
        splits=fetch.splits,
        labels=fetch.labels,
        limit_rows=fetch.limit_rows,
    )
    splits, labelled = Counter[str](), 0
    with tables.new_folder("data/fetched") as folder:
        with tables.Writer(folder, "samples", SCHEMA) as writer:
            for batch in report.track(batches, "fetch: rows"):
                writer.write(batch)
                splits.update(name or "unassigned" for name in batch["split"].to_pylist())
                labelled += len(batch) - batch["label_source"].null_count
        counts = {"rows": writer.rows, "splits": {name: splits[name] for name in (*SPLITS, "unassigned")}}
        about = {"source": fetch.source, "licence": fetch.licence, **reading.provenance(), **counts}
        tables.write_json(folder / "provenance.json", about)
    metrics = {
        **counts,
        "labelled": labelled,
        "malformed_rows": sum(part.bad_rows for part in reading.parts),
        "blank_lines": sum(part.blank_lines for part in reading.parts),
        "bytes": reading.described["bytes"],
    }
    tables.write_json("metrics/fetch.json", metrics)
    _report(metrics, {name for part in reading.parts for name in part.bytes_columns})


def _report(metrics: dict[str, Any], left_out: set[str]) -> None:
    report.table("fetched", ["", "rows"], [["all", metrics["rows"]], *metrics["splits"].items()])
    if metrics["malformed_rows"]:
        report.note(f"{metrics['malformed_rows']} rows could not be read: kept apart as row.malformed")
    if metrics["blank_lines"]:
        report.note(f"{metrics['blank_lines']} blank lines passed over")
    if left_out:
        report.note(f"columns of bytes, left out of extra: {', '.join(sorted(left_out))}")


if __name__ == "__main__":
    report.run("fetch", main)
