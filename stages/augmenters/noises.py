"""A folder of recordings to be mixed into sounds."""

from pathlib import Path

import numpy as np

from stages.core.errors import UserError
from stages.modalities.sound import Clip, Samples

KEY = "augment.audio.steps.noise_folder.folder"
SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff", ".au")
MAX_SECONDS = 600.0


class Recordings:
    """The recordings of a folder and its subfolders, in the order of their names; one channel each.

    Raises:
        UserError: no folder given, or found; no recordings in it; one that cannot be read, is too long or silent.
    """

    def __init__(self, folder: str | None) -> None:
        if folder is None:
            raise UserError(
                f"params.yaml: {KEY}: null, so there is no noise to add",
                "name a folder of recordings, or set enabled: false",
            )
        if not Path(folder).is_dir():
            raise UserError(f"params.yaml: {KEY}: {folder}: no such folder", "name a folder of recordings")
        paths = sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in SUFFIXES)
        if not paths:
            raise UserError(
                f"params.yaml: {KEY}: {folder}: no recordings in it", f"put some there: {' '.join(SUFFIXES)}"
            )
        self._recordings = [_read(path) for path in paths]
        self._resampled: dict[tuple[int, int], Samples] = {}

    def part(self, length: int, sampling_rate: int, rng: np.random.Generator) -> Samples:
        """`length` samples of a recording, both drawn, at that rate (Hz); a short recording is repeated."""
        found = self._at(int(rng.integers(len(self._recordings))), sampling_rate)
        start = int(rng.integers(len(found) - length + 1 if len(found) > length else len(found)))
        return np.resize(np.roll(found, -start), length)

    def _at(self, number: int, sampling_rate: int) -> Samples:
        if (number, sampling_rate) not in self._resampled:
            import soxr

            samples, own_rate = self._recordings[number]
            self._resampled[number, sampling_rate] = soxr.resample(samples, own_rate, sampling_rate)
        return self._resampled[number, sampling_rate]


def _read(path: Path) -> tuple[Samples, int]:
    clip = Clip(path.read_bytes(), path.name, max_seconds=MAX_SECONDS)
    problem = clip.problem or ("not finite numbers" if not clip.is_finite else None)
    if clip.sound is None or problem is not None:
        raise UserError(f"params.yaml: {KEY}: {path}: {str(problem).replace('_', ' ')}", "take the file away")
    samples = clip.sound.samples.mean(axis=1)
    if not samples.any():
        raise UserError(f"params.yaml: {KEY}: {path}: silent", "take the file away")
    return samples, clip.sampling_rate
