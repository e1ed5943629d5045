"""The plain loops that the line is measured against: one process, one file after the other, no stages.

They do the same steps with the same options by the libraries' own means, read files and write files. Each gives
files a second, without the imports and the first FIRST files, in which libraries set themselves up.
"""

import io
import random
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

Steps = Mapping[str, Mapping[str, Any]]
"""Enabled steps in order, with their options as in params.yaml."""

FIRST = 8
PNG_LEVEL = 3  # as clean and augment write it; Pillow's own, 6, is slower


def alone(work: Callable[..., T], *arguments: Any) -> T:
    """What `work` returns, run in a fresh process: nothing that was imported here helps or hinders it.

    This process stays small besides, as it must: a stage that is started from it begins with its peak of memory.
    """
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def rate(one: Callable[[Path], object], files: Iterable[Path]) -> float:
    """Files a second."""
    todo = list(files)
    for path in todo[:FIRST]:
        one(path)
    start = time.perf_counter()
    for path in todo[FIRST:]:
        one(path)
    return (len(todo) - FIRST) / (time.perf_counter() - start)


def images(source: Path, target: Path, clean: Steps, augment: Steps, seed: int) -> dict[str, float]:
    """Pillow, then Pillow and ImageHash, then imgaug: the JPEG files of `source` to PNG files, and these to others.

    The second loop is what a search for near-duplicates by perceptual hash needs too.
    """
    import imagehash
    import numpy as np
    from PIL import Image, ImageOps

    sequence = imgaug_sequence(augment, seed)
    resize = clean["resize"]
    size, method = (resize["width"], resize["height"]), Image.Resampling[resize["filter"].upper()]
    target.mkdir()

    def cleaned(path: Path) -> Any:
        with Image.open(io.BytesIO(path.read_bytes())) as opened:
            image = opened.convert("RGB")
        image = image.resize(size, method) if resize["fit"] == "stretch" else ImageOps.fit(image, size, method)
        image.save(target / f"{path.stem}.png", compress_level=PNG_LEVEL)
        return image

    def augmented(path: Path) -> None:
        with Image.open(path) as image:
            changed = sequence(image=np.asarray(image))
        Image.fromarray(changed).save(path.with_suffix(".derived.png"), compress_level=PNG_LEVEL)

    files = sorted(source.glob("*/*.jpg"))
    return {
        "clean: Pillow": rate(cleaned, files),
        "clean: Pillow, ImageHash": rate(lambda path: imagehash.phash(cleaned(path)), files),
        "augment: Pillow, imgaug": rate(augmented, sorted(target.glob("*.png"))),
    }


def imgaug_sequence(steps: Steps, seed: int) -> Any:
    """iaa.Sequential of the augmenters that the steps stand for, each applied with its `p`."""
    from stages.augmenters import IMAGE
    from stages.augmenters.imgaug_shim import load
    from stages.core.registry import build

    iaa = load("imgaug.augmenters")
    built = [build(IMAGE, name, options, name) for name, options in steps.items()]
    return iaa.Sequential([iaa.Sometimes(step.p, step.aug) for step in built], seed=seed)


def clips(source: Path, target: Path, clean: Steps, augment: Steps, seed: int) -> dict[str, float]:
    """librosa, then nlpaug: the WAV files of `source` to FLAC files, and these to others."""
    import librosa
    import numpy as np
    import soundfile

    random.seed(seed)
    np.random.seed(seed)
    sampling_rate = clean["resample"]["sampling_rate"]
    peak = 10 ** (clean["loudness"]["target_db"] / 20)
    changes = nlpaug_changes(augment, sampling_rate)
    target.mkdir()

    def cleaned(path: Path) -> None:
        samples, _ = librosa.load(path, sr=sampling_rate, mono=True)
        samples, _ = librosa.effects.trim(samples, top_db=clean["trim"]["top_db"], frame_length=512, hop_length=128)
        samples *= peak / np.abs(samples).max()
        soundfile.write(target / f"{path.stem}.flac", samples, sampling_rate, subtype="PCM_16")

    def augmented(path: Path) -> None:
        samples, _ = librosa.load(path, sr=None)
        for p, change in changes:
            if random.random() < p:
                samples = change(samples)
        soundfile.write(path.with_suffix(".derived.flac"), np.clip(samples, -1, 1), sampling_rate, subtype="PCM_16")

    return {
        "clean: librosa": rate(cleaned, sorted(source.glob("*.wav"))),
        "augment: librosa, nlpaug": rate(augmented, sorted(target.glob("*.flac"))),
    }


def nlpaug_changes(steps: Steps, sampling_rate: int) -> list[tuple[float, Callable[[Any], Any]]]:
    """The probability of each step and what it does: nlpaug's own augmenters; masks are put on librosa's STFT."""
    import librosa

    from stages.augmenters.library import light

    audio, spectrogram = (light(f"nlpaug.augmenter.{name}") for name in ("audio", "spectrogram"))
    whole: dict[str, Any] = {"zone": (0.0, 1.0), "coverage": 1.0}
    window, hop = 512, 128

    def on_spectrogram(aug: Any) -> Callable[[Any], Any]:
        def change(samples: Any) -> Any:
            spectrum = librosa.stft(samples, n_fft=window, hop_length=hop)
            return librosa.istft(aug.augment(spectrum)[0], n_fft=window, hop_length=hop, length=len(samples))

        return change

    def plain(aug: Any) -> Callable[[Any], Any]:
        return lambda samples: aug.augment(samples)[0]

    made: dict[str, Callable[[Mapping[str, Any]], Callable[[Any], Any]]] = {
        "speed": lambda o: plain(audio.SpeedAug(factor=(o["min_factor"], o["max_factor"]), **whole)),
        "noise": lambda _: plain(audio.NoiseAug(**whole)),
        "shift": lambda o: plain(audio.ShiftAug(sampling_rate, duration=o["max_s"], direction="random")),
        "time_mask": lambda o: on_spectrogram(
            spectrogram.TimeMaskingAug(zone=(0.0, 1.0), coverage=o["max_share"], silence=True)
        ),
        "frequency_mask": lambda o: on_spectrogram(
            spectrogram.FrequencyMaskingAug(factor=(1, int(window // 2 * o["max_share"])), silence=True, **whole)
        ),
    }
    return [(options["p"], made[name](options)) for name, options in steps.items()]
