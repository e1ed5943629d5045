"""nlpaug, tamed: imported without torch where no model is wanted, and seeded from a generator."""

import importlib
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import numpy as np

HEAVY = ("torch", "transformers", "librosa", "matplotlib")
"""What nlpaug imports in `try … except ImportError`, and needs for models, audio and plots only."""


def light(module: str) -> ModuleType:
    """Import a module of nlpaug without the packages in `HEAVY`, if they are not there yet: 0.8 s, not 6."""
    absent = [name for name in HEAVY if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None makes `import` raise ImportError
    try:
        return importlib.import_module(module)
    finally:
        for name in absent:
            del sys.modules[name]


def full(module: str) -> ModuleType:
    """Import a module of nlpaug with torch and transformers, afresh where a light import came first."""
    for name in HEAVY[:2]:
        importlib.import_module(name)
    filtering = sys.modules.get("nlpaug.util.selection.filtering")
    if filtering is not None and not hasattr(filtering, "torch"):
        for name in [name for name in sys.modules if name.split(".")[0] == "nlpaug"]:
            del sys.modules[name]
    return importlib.import_module(module)


@contextmanager
def global_randomness(rng: np.random.Generator) -> Iterator[None]:
    """Seed `random` and `np.random`, which nlpaug draws from, and put their states back afterwards."""
    before, legacy = random.getstate(), np.random.get_state()
    random.seed(int(rng.integers(2**63)))
    np.random.seed(int(rng.integers(2**32)))
    try:
        yield
    finally:
        random.setstate(before)
        np.random.set_state(legacy)
