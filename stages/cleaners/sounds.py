"""The cleaning of one sound: bytes from outside to cleaned bytes, in a process that is bounded in time and memory."""

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath

import numpy as np

from stages.cleaners import AUDIO
from stages.cleaners.audio import SoundCleaner
from stages.cleaners.cleaned import Cleaned
from stages.cleaners.fingerprint import fingerprint as fingerprint_of
from stages.core.blocks import Options
from stages.core.registry import build
from stages.modalities.sound import Clip, Sound, fits_flac, to_flac

KEY = "clean.audio.steps"
REPAIR = "decode"
"""Named among the steps where a truncated file was written anew: later stages trust what they read."""

Item = tuple[bytes | None, str | None]


def make_sound_cleaner(
    *, steps: Mapping[str, Options], max_seconds: float, fingerprint: bool
) -> Callable[[Item], Cleaned | None]:
    """A function of one sound (its bytes and path), which gives None where there are no bytes.

    The steps are applied once, in their order. A sound that none of them changes keeps its bytes, in whatever
    format; else it is stored as FLAC of 16 bits. Libraries are imported here, before the first sound.

    Args:
        steps: name -> options, in the order of application.
        max_seconds: longer sounds are not decoded: problem "audio.too_long".
        fingerprint: whether a signature is wanted; silence has none.

    Raises:
        UserError: what the cleaners find wrong with their options.
    """
    built = {name: build(AUDIO, name, options, f"{KEY}.{name}") for name, options in steps.items()}
    fingerprint_of(_applied(built, _tone())[0])

    def clean(item: Item) -> Cleaned | None:
        data, path = item
        if data is None:
            return None
        clip = Clip(data, path, max_seconds=max_seconds)
        problem = _problem(clip)
        if problem or clip.sound is None:
            return Cleaned(data, path or "", (), problem, None)
        sound, changed = _applied(built, clip.sound)
        if clip.is_truncated:
            changed = (REPAIR, *changed)
        if not len(sound.samples) or (changed and not fits_flac(sound)):
            return Cleaned(data, path or "", (), "audio.channels" if len(sound.samples) else "audio.empty", None)
        signature = fingerprint_of(sound) if fingerprint else None
        if not changed:
            return Cleaned(data, path or "", (), None, signature)
        return Cleaned(to_flac(sound), _as_flac(path), changed, None, signature)

    return clean


def _problem(clip: Clip) -> str | None:
    if clip.problem is not None:
        return "audio.unreadable" if clip.problem == "unreadable" else "audio.too_long"
    if clip.sound is None or not len(clip.sound.samples):
        return "audio.empty"
    return None if clip.is_finite else "audio.non_finite"


def _applied(cleaners: Mapping[str, SoundCleaner], sound: Sound) -> tuple[Sound, tuple[str, ...]]:
    """The sound after all cleaners, and the names of those that changed it."""
    changed = []
    for name, cleaner in cleaners.items():
        if not len(sound.samples):
            break
        before, sound = sound, cleaner(sound)
        if sound is not before:
            changed.append(name)
    return sound, tuple(changed)


def _as_flac(path: str | None) -> str:
    return str(PurePosixPath(path or "sound").with_suffix(".flac"))


def _tone() -> Sound:
    """Half a second at a rate that nobody uses, so that it has to be resampled."""
    return Sound((np.sin(np.arange(9_000) / 6)[:, None] / 2).astype(np.float32), 18_000)
