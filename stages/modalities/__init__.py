"""Modalities: how one kind of input becomes tensors, and which model classes take it."""

MODEL_CLASSES = {
    "text": {"classification": "AutoModelForSequenceClassification"},
    "image": {"classification": "AutoModelForImageClassification"},
    "audio": {"classification": "AutoModelForAudioClassification"},
}
"""Modality and task -> transformers' auto class."""

PIPELINES = {
    "text": {"classification": "text-classification"},
    "image": {"classification": "image-classification"},
    "audio": {"classification": "audio-classification"},
}
"""Modality and task -> the pipeline of transformers that loads the model."""
