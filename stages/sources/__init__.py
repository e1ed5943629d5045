"""Sources: where samples come from. A member yields raw rows in batches and describes what it read."""

SOURCES = {
    "bundled": "stages.sources.bundled:bundled",
    "files": "stages.sources.files:files",
    "folder": "stages.sources.folder:folder",
    "hub": "stages.sources.hub:hub",
}
