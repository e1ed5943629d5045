"""Checks: factories that return `(samples, labels) -> mask`. The registry's name is the reason code."""

CHECKS = {
    "text.missing": "stages.checks.text:missing",
    "text.empty": "stages.checks.text:empty",
    "text.too_short": "stages.checks.text:too_short",
    "text.too_long": "stages.checks.text:too_long",
    "label.missing": "stages.checks.labels:missing",
    "label.unknown": "stages.checks.labels:unknown",
    "row.duplicate": "stages.checks.rows:duplicate",
    "row.malformed": "stages.checks.rows:malformed",
}
