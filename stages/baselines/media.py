"""Cleaned pictures as thumbnails and colours, cleaned sounds as the loudness of their frequencies."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stages.baselines.features import Matrix

SIDE = 16
"""Pixels of a thumbnail."""
COLOURS = 8
"""Bins of a histogram of each channel."""
BANDS = 40
"""Mel bands."""
FRAME_S = 0.025
SHORTEST = 16
"""Samples of a frame at least, whatever the rate."""

Vector = npt.NDArray[np.float32]


class _Media:
    """Features of one file after the other, standardised by the training files' mean and deviation."""

    columns: tuple[str, ...] = ()
    called = ""

    def __init__(self, describe: Callable[[bytes], Vector]) -> None:
        from sklearn.preprocessing import StandardScaler

        self._describe, self._scaler = describe, StandardScaler()

    def reduce(self, batch: pa.Table) -> pa.Table:
        """The id, and the numbers that describe the file."""
        contents: Sequence[bytes] = batch[self.columns[0]].combine_chunks().field("bytes").to_pylist()
        described = [self._describe(content) for content in contents]
        return pa.table({"id": batch["id"], "described": pa.array(described, pa.list_(pa.float32()))})

    def fit(self, train: pa.Table) -> Matrix:
        """(N, F), dense."""
        return self._scaler.fit_transform(np.stack(train["described"].to_pylist()))

    def transform(self, samples: pa.Table) -> Matrix:
        """(N, F), dense."""
        return self._scaler.transform(np.stack(samples["described"].to_pylist())) if len(samples) else np.zeros((0, 1))


class Pictures(_Media):
    """Thumbnails of 16 x 16 pixels and histograms of their colours."""

    columns = ("image",)
    called = "thumbnails and colours"

    def __init__(self) -> None:
        super().__init__(describe_picture)


class Sounds(_Media):
    """Mean and deviation of the loudness of each frequency band, over the whole sound."""

    columns = ("audio",)
    called = "loudness of mel bands"

    def __init__(self) -> None:
        super().__init__(describe_sound)


def describe_picture(content: bytes) -> Vector:
    """Grey levels or colours, 0 to 1, of a thumbnail, and shares of pixels by level."""
    from PIL import Image

    from stages.modalities.picture import decode

    thumbnail = decode(content).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)
    pixels = np.asarray(thumbnail, dtype=np.float32).reshape(-1, 3) / 255
    levels = [np.histogram(pixels[:, channel], bins=COLOURS, range=(0, 1))[0] / len(pixels) for channel in range(3)]
    return np.concatenate([pixels.ravel(), *levels]).astype(np.float32)


def describe_sound(content: bytes) -> Vector:
    """Mean and deviation in dB of `BANDS` mel bands, and the duration in seconds."""
    import librosa

    from stages.modalities.sound import decode

    sound = decode(content)
    samples, rate = sound.samples.mean(axis=1), sound.sampling_rate
    frame = max(SHORTEST, int(FRAME_S * rate))
    options: dict[str, Any] = {"n_fft": frame, "hop_length": frame // 2, "n_mels": BANDS}
    power = librosa.feature.melspectrogram(y=samples, sr=rate, **options)
    loudness = librosa.power_to_db(power, top_db=None)
    return np.concatenate([loudness.mean(axis=1), loudness.std(axis=1), [sound.duration_s]]).astype(np.float32)
