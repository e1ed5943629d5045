"""From originals to derived texts: what is drawn, retried, given up and repeated."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.augmenters import TEXT as STEPS
from stages.augmenters.augmenter import Augmenter
from stages.augmenters.derive import ATTEMPTS, KEY, Deriver, Outcome, draw, make_deriver
from stages.augmenters.limits import Limits
from stages.augmenters.protect import Protected
from stages.augmenters.steps import check_steps
from stages.core.errors import UserError
from stages.core.params import checked
from tests.workplace import params

ROOT = Path(__file__).parents[2]
PROTECTED = Protected(["not"])
TEXT = "the parcel did not arrive today"


def letter(text: str, rng: np.random.Generator, _: Protected) -> str:
    """Doubles a letter drawn."""
    place = int(rng.integers(len(text))) if text else 0
    return text[:place] + text[place : place + 1] + text[place:]


def deriver(*changes, share: float = 0.5, least: int = 3, p: float = 1.0, seed: int = 1) -> Deriver:
    steps = {f"step{number}": Augmenter(p, change) for number, change in enumerate(changes)}
    return Deriver(seed, steps, Limits(share, least, PROTECTED))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text, *_: text, "augment.unchanged"),
        (lambda text, *_: text.replace("not ", ""), "augment.protected"),
        (lambda *_: "ab", "augment.too_short"),
        (lambda *_: "quite another thing, not so?", "augment.too_different"),
    ],
)
def test_a_copy_that_never_keeps_the_limits_is_given_up_with_its_reason(change, reason: str) -> None:
    assert deriver(change).derive("s", TEXT, 2) == [Outcome(None, (), reason)] * 2


def test_a_copy_is_tried_again_with_another_draw() -> None:
    calls = []

    def late(text: str, *_: object) -> str:
        calls.append(text)
        return text + "!" if len(calls) == ATTEMPTS else text

    assert deriver(late).derive("s", TEXT, 1) == [Outcome(TEXT + "!", ("step0",), None)]
    assert calls == [TEXT] * ATTEMPTS


def test_copies_of_one_original_differ() -> None:
    always = deriver(lambda text, *_: text + "!")
    assert [outcome.reason for outcome in always.derive("s", TEXT, 3)] == [None, *["augment.unchanged"] * 2]
    texts = [outcome.text for outcome in deriver(letter).derive("s", TEXT, 3)]
    assert len({TEXT, *texts}) == 4


def test_steps_are_applied_in_order_and_those_that_changed_something_are_named() -> None:
    steps = deriver(lambda text, *_: text + "1", lambda text, *_: text, lambda text, *_: text + "2")
    assert steps.derive("s", TEXT, 1) == [Outcome(TEXT + "12", ("step0", "step2"))]


def test_a_copy_depends_on_seed_id_and_number_alone() -> None:
    jobs = [(f"s{number}", TEXT, 2) for number in range(6)]
    together = deriver(letter)(jobs)
    assert [deriver(letter).derive(*job) for job in reversed(jobs)] == together[::-1]
    assert deriver(letter).derive("s0", TEXT, 1) == together[0][:1]
    assert deriver(letter, seed=2)(jobs) != together
    assert len({outcome.text for outcomes in together for outcome in outcomes}) > 6


@settings(max_examples=100, deadline=None, derandomize=True)
@given(text=st.text("ab not", max_size=20), copies=st.integers(0, 3), share=st.sampled_from([0.0, 0.2, 1.0]))
def test_every_copy_is_derived_or_given_up_and_the_limits_hold(text: str, copies: int, share: float) -> None:
    steps = deriver(letter, share=share, p=0.4)
    outcomes = steps.derive("s", text, copies)
    assert len(outcomes) == copies
    texts = [outcome.text for outcome in outcomes if outcome.text is not None]
    assert all((outcome.text is None) == (outcome.reason is not None) for outcome in outcomes)
    assert len({text, *texts}) == len(texts) + 1 or not texts
    assert all(steps.limits.broken(text, derived, ()) is None for derived in texts)


def test_each_step_is_drawn_with_its_probability_and_one_at_least() -> None:
    steps = {name: Augmenter(p, letter) for name, p in {"never": 0.0, "seldom": 0.1, "often": 0.6}.items()}
    drawn = [draw(steps, np.random.default_rng(seed)) for seed in range(400)]
    assert all(drawn) and not any("never" in names for names in drawn)
    assert {tuple(names) for names in drawn} == {("seldom",), ("often",), ("seldom", "often")}
    often = sum("often" in names for names in drawn) / 400
    assert abs(often - (0.6 + 0.4 * 0.9 * 6 / 7)) < 0.05


def test_the_default_steps_derive_what_keeps_the_limits() -> None:
    block = checked(params({})).augment
    steps = {name: block.text.steps[name].options for name in block.text.order if block.text.steps[name].enabled}
    steps["synonym"]["groups"] = str(ROOT / "stages/augmenters/synonyms.txt")
    made = make_deriver(steps=steps, seed=42, **block.limits.model_dump())
    outcomes = made.derive("s", "I can't find my parcel, and the shop does NOT answer the phone :(", 3)
    assert len({outcome.text for outcome in outcomes}) == 3
    for outcome in outcomes:
        assert outcome.text is not None and "can't" in outcome.text and "NOT" in outcome.text
        assert outcome.text.endswith(":(")


@pytest.mark.parametrize("steps", [{}, {"keyboard": {"p": 0.0, "strength": 0.1}}])
def test_without_any_step_to_draw_nothing_can_be_derived(steps: dict[str, dict[str, float]]) -> None:
    with pytest.raises(UserError, match="no step is enabled with p above 0"):
        make_deriver(steps=steps, seed=1, protected_words=[], max_changed_share=1.0, min_characters=0)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ({"keybord": {}}, "augment.text.steps: unknown name 'keybord', did you mean 'keyboard'?"),
        ({"split": {"p": 0.5}}, "augment.text.steps.split.strength: missing"),
        ({"ocr": {"p": 0.5, "strength": 0.1, "x": 1}}, "augment.text.steps.ocr.x: unknown key"),
        (
            {"random_word": {"p": 0.5, "strength": 0.1, "action": "drop"}},
            "'drop': should be 'swap', 'delete' or 'crop'",
        ),
    ],
)
def test_steps_are_checked_whether_or_not_they_are_enabled(steps: dict[str, dict[str, object]], message: str) -> None:
    with pytest.raises(UserError) as caught:
        check_steps(STEPS, steps, KEY)
    assert message in str(caught.value)
