"""Seeds: the same on every machine, and apart for what is apart."""

import pytest

from stages.core.seeds import generator, seed_of


def test_seeds_are_fixed_for_ever() -> None:
    assert seed_of(42, "split", "a") == 11008474954710288937
    assert generator(42, "split", "a").integers(1000, size=3).tolist() == [681, 784, 351]


@pytest.mark.parametrize(("one", "other"), [((1, "ab"), (1, "a", "b")), ((1, 23), (12, 3)), (("\ud800",), ("?",))])
def test_different_parts_give_different_seeds(one: tuple[object, ...], other: tuple[object, ...]) -> None:
    assert seed_of(*one) != seed_of(*other)


def test_a_seed_fits_into_64_bits() -> None:
    assert all(0 <= seed_of(number) < 2**64 for number in range(100))
