"""Augmenters: factories whose options come from params.yaml; each returns `(sample, Generator) -> sample`."""

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

IMAGE = {
    "crop": "stages.augmenters.image:crop",
    "scale": "stages.augmenters.image:scale",
    "rotate": "stages.augmenters.image:rotate",
    "flip": "stages.augmenters.image:flip",
    "translate": "stages.augmenters.image:translate",
    "shear": "stages.augmenters.image:shear",
    "perspective": "stages.augmenters.image:perspective",
    "grey": "stages.augmenters.image:grey",
    "brightness": "stages.augmenters.image:brightness",
    "contrast": "stages.augmenters.image:contrast",
    "saturation": "stages.augmenters.image:saturation",
    "hue": "stages.augmenters.image:hue",
    "gaussian_noise": "stages.augmenters.image:gaussian_noise",
    "salt_and_pepper": "stages.augmenters.image:salt_and_pepper",
    "blur": "stages.augmenters.image:blur",
    "jpeg": "stages.augmenters.image:jpeg",
    "cutout": "stages.augmenters.image:cutout",
}

AUDIO = {
    "noise": "stages.augmenters.audio:noise",
    "noise_folder": "stages.augmenters.audio:noise_folder",
    "pitch": "stages.augmenters.audio_spectral:pitch",
    "speed": "stages.augmenters.audio_spectral:speed",
    "vtlp": "stages.augmenters.audio_spectral:vtlp",
    "loudness": "stages.augmenters.audio:loudness",
    "shift": "stages.augmenters.audio:shift",
    "crop": "stages.augmenters.audio:crop",
    "mask": "stages.augmenters.audio:mask",
    "normalise": "stages.augmenters.audio:normalise",
    "polarity": "stages.augmenters.audio:polarity",
    "time_mask": "stages.augmenters.audio_spectral:time_mask",
    "frequency_mask": "stages.augmenters.audio_spectral:frequency_mask",
}

MODELS = ("contextual", "back_translation")
"""Members that hold a model, which uses all cores itself: they run in one process."""
