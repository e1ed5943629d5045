"""Modalities: how one kind of input becomes tensors, and which model classes take it."""

MODEL_CLASSES = {
    "text": {
        "classification": "AutoModelForSequenceClassification",
        "regression": "AutoModelForSequenceClassification",
    },
    "image": {"classification": "AutoModelForImageClassification", "regression": "AutoModelForImageClassification"},
    "audio": {"classification": "AutoModelForAudioClassification", "regression": "AutoModelForAudioClassification"},
}
"""Modality and task -> transformers' auto class."""

PIPELINES = {
    "text": {"classification": "text-classification", "regression": "text-classification"},
    "image": {"classification": "image-classification", "regression": "image-classification"},
    "audio": {"classification": "audio-classification", "regression": "audio-classification"},
}
"""Modality and task -> the pipeline of transformers that loads the model; of a value it gives the number as `score`."""
