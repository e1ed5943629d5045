"""Cleaners: factories whose options come from params.yaml; of texts `str -> str`, of images and sounds likewise."""

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

IMAGE = {
    "orientation": "stages.cleaners.image:orientation",
    "mode": "stages.cleaners.image:mode",
    "greyscale": "stages.cleaners.image:greyscale",
    "resize": "stages.cleaners.image:resize",
    "denoise": "stages.cleaners.image:denoise",
    "contrast": "stages.cleaners.image:contrast",
    "sharpen": "stages.cleaners.image:sharpen",
}

AUDIO = {
    "mono": "stages.cleaners.audio:mono",
    "resample": "stages.cleaners.audio:resample",
    "trim": "stages.cleaners.audio:trim",
    "denoise": "stages.cleaners.audio:denoise",
    "band_limit": "stages.cleaners.audio:band_limit",
    "pre_emphasis": "stages.cleaners.audio:pre_emphasis",
    "loudness": "stages.cleaners.audio:loudness",
}

OUTLIERS = {
    "length": "stages.cleaners.outliers:length",
    "script": "stages.cleaners.outliers:script",
    "language": "stages.cleaners.outliers:language",
}
