"""Fixtures that all tests share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets; the test is skipped where there is none."""
    named = os.environ.get("REAL_DATA")
    if not named or not Path(named).is_dir():
        pytest.skip("REAL_DATA names no folder of real data sets")
    return Path(named)
