"""Cleaners: factories whose options come from params.yaml and that return `str -> str`."""

TEXT = {
    "unicode": "stages.cleaners.text:unicode",
    "html": "stages.cleaners.markup:html",
    "control": "stages.cleaners.text:control",
    "whitespace": "stages.cleaners.text:whitespace",
    "urls": "stages.cleaners.text:urls",
    "mentions": "stages.cleaners.text:mentions",
    "numbers": "stages.cleaners.text:numbers",
    "emoji": "stages.cleaners.words:emoji",
    "punctuation": "stages.cleaners.text:punctuation",
    "case": "stages.cleaners.text:case",
    "stop_words": "stages.cleaners.words:stop_words",
    "contractions": "stages.cleaners.words:contractions",
    "segment": "stages.cleaners.words:segment",
}

OUTLIERS = {
    "length": "stages.cleaners.outliers:length",
    "script": "stages.cleaners.outliers:script",
    "language": "stages.cleaners.outliers:language",
}
