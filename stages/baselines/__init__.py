"""Baselines: simple features of each modality, for a linear model to learn from."""

FEATURES = {
    "text": "stages.baselines.texts:Texts",
    "image": "stages.baselines.media:Pictures",
    "audio": "stages.baselines.media:Sounds",
}
"""Modality -> how its inputs become numbers."""
