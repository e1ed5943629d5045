"""Pages in a real browser, without a network."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

CHROMIUM = shutil.which("chromium")
HEIGHT = 2400
needed = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


def draw(page: str, folder: Path, width: int) -> npt.NDArray[Any]:
    """The page as RGB pixels (`HEIGHT`, width, 3); it fails where the browser has anything to say on its console."""
    written, picture = folder / "page.html", folder / "page.png"
    written.write_text(page, encoding="utf-8")
    command = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    command += ["--proxy-server=127.0.0.1:1", "--enable-logging=stderr", f"--window-size={width},{HEIGHT}"]
    command += [f"--user-data-dir={folder / 'profile'}", f"--screenshot={picture}", written.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
    with Image.open(picture) as image:
        pixels = np.asarray(image.convert("RGB"))
    assert pixels.shape == (HEIGHT, width, 3)
    return pixels


def share_drawn(pixels: npt.NDArray[Any]) -> float:
    """Of the lines of a picture, those that are not all background."""
    return float((pixels != pixels[0, 0]).any(axis=(1, 2)).mean())


def count_pixels(pixels: npt.NDArray[Any], colour: tuple[int, int, int]) -> int:
    """Pixels of almost that colour."""
    return int((abs(pixels.astype(int) - colour) < 8).all(axis=2).sum())
