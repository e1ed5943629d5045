"""Contact sheets: what augmentation does, for a person to see."""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from stages.modalities.drawing import INK, PANEL, QUIET, Cell, font, png_within, sheet, wrapped

if TYPE_CHECKING:
    from PIL.Image import Image

    from stages.modalities.sound import Sound

LINES = 12
SOUND_LINES = 6
COLUMNS = 5
"""The original and four derived."""

MEL_BANDS = 64
WINDOW_S = 0.04
RANGE_DB = 80.0
"""Below the loudest place of the original; what is softer has the darkest colour."""

DPI = 100
COLUMN_WIDTH, APART, LINE_HEIGHT, MARGIN, HEAD = 1.9, 0.25, 1.6, 0.16, 0.3
"""Inches: width of a column, between original and derived, height of a line, around it all, of the title."""
WAVES = 0.42
"""Share of a line's height that the waveforms have; the spectrograms have most of the rest."""


def picture_sheet(rows: Sequence[tuple[str, "Image", list["Image"]]]) -> bytes:
    """A PNG with a line for each original: at the left, on a panel, with its label; its derived images beside it.

    Args:
        rows: label, original and derived images; the first 12 lines and the first 4 derived images are shown.
    """
    cells = [
        [Cell(original, label), *(Cell(one) for one in derived[: COLUMNS - 1])]
        for label, original, derived in rows[:LINES]
    ]
    return sheet(cells, header=("original", "derived"), first_apart=True)


def sound_sheet(rows: Sequence[tuple[str, "Sound", list["Sound"]]]) -> bytes:
    """A PNG with a line for each original, at the left, and its derived sounds: waveforms above log-mel spectrograms.

    A line has one scale of time, of amplitude and of colour, so that speed and loudness show.

    Args:
        rows: label, original and derived sounds; the first 6 lines and the first 4 derived sounds are shown.
    """
    import matplotlib.style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    shown = [(label, [original, *derived[: COLUMNS - 1]]) for label, original, derived in rows[:SOUND_LINES]]
    columns = max((len(sounds) for _, sounds in shown), default=1)
    size = (2 * MARGIN + APART + columns * COLUMN_WIDTH, 2 * MARGIN + HEAD + len(shown) * LINE_HEIGHT)
    with matplotlib.style.context("default"), warnings.catch_warnings():  # whatever a matplotlibrc says
        warnings.filterwarnings("ignore", "Glyph .* missing")  # of labels in Chinese, for one: boxes are drawn
        figure = Figure(figsize=size, dpi=DPI, facecolor="white")
        canvas = FigureCanvasAgg(figure)
        _panel(figure, size)
        for number, (label, sounds) in enumerate(shown):
            _sound_line(figure, size, number, label, sounds)
        canvas.draw()
        pixels = np.asarray(canvas.buffer_rgba())
    return png_within(Image.fromarray(pixels[..., :3].copy()))


def _panel(figure: Any, size: tuple[float, float]) -> None:
    """The titles, and the ground of the originals' column."""
    from matplotlib.patches import FancyBboxPatch

    wide, high = size
    box = FancyBboxPatch(
        (MARGIN / 2, MARGIN / 2),
        COLUMN_WIDTH + MARGIN / 2,
        high - MARGIN,
        boxstyle="round,pad=0,rounding_size=0.08",
        transform=figure.dpi_scale_trans,
        facecolor=PANEL,
        edgecolor="none",
        zorder=-1,
    )
    figure.add_artist(box)
    for left, title in ((MARGIN, "original"), (MARGIN + COLUMN_WIDTH + APART, "derived")):
        figure.text(
            left / wide,
            1 - 0.28 / high,
            title,
            color=QUIET,
            fontsize=9,
            fontweight="bold",
            verticalalignment="baseline",
        )


def _sound_line(figure: Any, size: tuple[float, float], number: int, label: str, sounds: Sequence["Sound"]) -> None:
    wide, high = size
    bottom = high - MARGIN - HEAD - (number + 1) * LINE_HEIGHT + 0.28  # the label stands below
    longest = max(sound.duration_s for sound in sounds) or 1.0
    loudest = max((float(np.abs(sound.samples).max(initial=0.0)) for sound in sounds), default=0.0) or 1.0
    spectrograms = [mel_power(sound) for sound in sounds]
    reference = float(spectrograms[0].max()) or 1.0
    for column, (sound, power) in enumerate(zip(sounds, spectrograms, strict=True)):
        left = MARGIN + column * COLUMN_WIDTH + (APART if column else 0)
        width, height = COLUMN_WIDTH - 0.12, LINE_HEIGHT - 0.36
        lower = figure.add_axes((left / wide, bottom / high, width / wide, height * (1 - WAVES) / high))
        upper = figure.add_axes(
            (left / wide, (bottom + height * (1 - WAVES)) / high, width / wide, height * WAVES / high)
        )
        _waveform(upper, sound, longest, loudest)
        _spectrogram(lower, sound, power / reference, longest)
    text = wrapped(label, round(COLUMN_WIDTH * DPI) - 60, measure=font(12).getlength, lines=1)
    figure.text(MARGIN / wide, (bottom - 0.17) / high, "".join(text), color=INK, fontsize=9, parse_math=False)
    right = (MARGIN + COLUMN_WIDTH - 0.12) / wide
    figure.text(right, (bottom - 0.17) / high, f"{longest:.2f} s", color=QUIET, fontsize=8, horizontalalignment="right")


def _waveform(axes: Any, sound: "Sound", longest: float, loudest: float) -> None:
    mono = sound.samples.mean(axis=1)
    axes.plot(np.arange(len(mono)) / sound.sampling_rate, mono, color="#1f5fa8", linewidth=0.5)
    axes.set(xlim=(0, longest), ylim=(-loudest, loudest), xticks=[], yticks=[])
    _framed(axes)


def _spectrogram(axes: Any, sound: "Sound", power: npt.NDArray[np.float64], longest: float) -> None:
    level = 10 * np.log10(np.maximum(power, 10 ** (-RANGE_DB / 10)))
    extent = (0, max(sound.duration_s, 1e-3), 0, len(level))
    axes.imshow(level, "magma", aspect="auto", origin="lower", extent=extent, vmin=-RANGE_DB, vmax=0)
    axes.set(xlim=(0, longest), xticks=[], yticks=[])
    _framed(axes)


def _framed(axes: Any) -> None:
    for side in axes.spines.values():
        side.set(color="#c3ccd6", linewidth=0.5)


def mel_power(sound: "Sound") -> npt.NDArray[np.float64]:
    """Mel power spectrogram (64, frames) of the mean of the channels, from windows of about 40 ms; by librosa."""
    import librosa

    window = 2 ** int(np.ceil(np.log2(WINDOW_S * sound.sampling_rate)))
    mono = np.ascontiguousarray(sound.samples.mean(axis=1))
    padded = np.pad(mono, (0, max(0, window - len(mono))))
    power: npt.NDArray[np.float64] = librosa.feature.melspectrogram(
        y=padded, sr=sound.sampling_rate, n_fft=window, hop_length=window // 4, n_mels=MEL_BANDS
    ).astype(np.float64)
    return power
