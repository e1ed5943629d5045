"""Randomness that depends on what it is for, never on what ran before."""

import hashlib

import numpy as np


def seed_of(*parts: object) -> int:
    """A 64-bit seed from the text of `parts`: the same parts give the same seed on every machine."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def generator(*parts: object) -> np.random.Generator:
    """A generator for `parts`, such as (seed, stage, sample id): a sample's draw does not depend on its neighbours."""
    return np.random.default_rng(seed_of(*parts))
