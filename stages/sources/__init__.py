"""Sources: where samples come from. A member yields raw rows in batches and describes what it read."""

SOURCES = {
    "files": "stages.sources.files:files",
    "hub": "stages.sources.hub:hub",
}
