"""Augmenters: factories whose options come from params.yaml and that return `(str, Generator) -> str`."""

TEXT = {
    "synonym": "stages.augmenters.text:synonym",
    "spelling": "stages.augmenters.text:spelling",
    "keyboard": "stages.augmenters.text:keyboard",
    "ocr": "stages.augmenters.text:ocr",
    "random_character": "stages.augmenters.text:random_character",
    "random_word": "stages.augmenters.text:random_word",
    "split": "stages.augmenters.text:split",
    "contextual": "stages.augmenters.models:contextual",
    "back_translation": "stages.augmenters.models:back_translation",
}

MODELS = ("contextual", "back_translation")
"""Members that hold a model, which uses all cores itself: they run in one process."""
