"""The space of a search: what each entry means, what is refused, and how values are written."""

import pytest
from dvc.utils.hydra import apply_overrides

from review.params import accept
from review.trials import space
from stages.core.errors import UserError
from stages.core.params import checked, parse
from stages.core.search_block import Searched
from tests.workplace import params


def dimensions(entries: dict) -> list[space.Dimension]:
    content = params({"search.space": entries})
    return space.dimensions(content, checked(content).search.space)


@pytest.mark.parametrize(
    ("key", "entry", "kind", "raw", "value"),
    [
        ("lr", {"low": 1e-5, "high": 1e-3, "log": True}, "FloatDistribution", 3.14159e-5, 3.14e-5),
        ("lr", {"low": 1.239e-5, "high": 1e-3}, "FloatDistribution", 1.2391e-5, 1.24e-5),
        ("lr", {"low": 1.236e-5, "high": 1.238e-5}, "FloatDistribution", 1.2371e-5, 1.238e-5),
        ("finetune.l1", {"low": 0, "high": 1}, "FloatDistribution", 0.25, 0.25),
        ("finetune.l1", {"low": 0.0, "high": 0.3, "step": 0.1}, "FloatDistribution", 0.1 + 2 * 0.1, 0.3),
        ("epochs", {"low": 2, "high": 8}, "IntDistribution", 3, 3),
        ("batch_size", {"low": 8, "high": 64, "log": True}, "IntDistribution", 17, 17),
        ("finetune.mixup", {"choices": [None, 0.2]}, "CategoricalDistribution", "null", None),
        ("finetune.compile", {"choices": [True, False]}, "CategoricalDistribution", "true", True),
        ("finetune.adam_betas", {"choices": [[0.9, 0.99]]}, "CategoricalDistribution", "[0.9, 0.99]", [0.9, 0.99]),
    ],
)
def test_an_entry_is_a_distribution_and_its_draws_are_values_of_params(key, entry, kind, raw, value) -> None:
    (found,) = dimensions({key: entry})
    assert type(found.distribution()).__name__ == kind
    assert found.value(raw) == value and type(found.value(raw)) is type(value)
    assert found.holds(value)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"low": 1e-3, "high": 1e-5}, "low 0.001 should be less than high 1e-05"),
        ({"low": 0.0, "high": 1.0, "log": True}, "log goes without step, and needs low > 0"),
        ({"low": 0.0, "high": 1.0, "step": 0.3}, "step 0.3 should divide high - low = 1"),
        ({"low": 0.0}, "give low and high, or choices"),
        ({"choices": [1], "low": 0}, "choices go without low, high, log and step"),
        ({"choices": []}, "should have at least 1 item"),
        ({"choices": [1], "most": 3}, "search.space.lr.most: unknown key"),
    ],
)
def test_an_entry_that_is_none_is_refused_with_the_params(entry: dict, message: str) -> None:
    with pytest.raises(UserError) as caught:
        dimensions({"lr": entry})
    assert message in str(caught.value)


def test_an_empty_space_is_refused() -> None:
    with pytest.raises(UserError, match=r"search\.space: \{\}: dictionary should have at least 1 item"):
        checked(params({"search.space": {}}))


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("lrr", "search.space.lrr: unknown key 'lrr', did you mean 'lr'?"),
        ("finetune.weigth_decay", "unknown key 'weigth_decay', did you mean 'weight_decay'?"),
        ("lr.x", "unknown key 'x'"),
        ("finetune.dropout", "a block of keys"),
        ("seed", "trials would be scored on different validation samples"),
        ("split.method", "trials would be scored on different validation samples"),
        ("clean.duplicates.exact", "trials would be scored on different validation samples"),
        ("search.trials", "trials would be scored on different validation samples"),
    ],
)
def test_keys_that_are_not_there_or_would_change_the_validation_samples_are_refused(key: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        dimensions({key: {"choices": [1]}})
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("key", "entry", "message"),
    [
        ("lr", {"low": 0.0, "high": 1.0}, "search.space.lr: with 0.0: params.yaml: lr: 0.0: should be greater than 0"),
        ("epochs", {"low": 0, "high": 4}, "search.space.epochs: with 0: params.yaml: epochs: 0: should be greater"),
        ("epochs", {"choices": [2, 2.5]}, "with 2.5: params.yaml: epochs: 2.5: should be a valid integer"),
        ("finetune.dropout.hidden", {"low": 0.0, "high": 1.5}, "with 1.5: params.yaml: finetune.dropout.hidden: 1.5"),
        ("strategy", {"choices": ["full", "lorra"]}, "with 'lorra': params.yaml: strategy: 'lorra': should be 'full'"),
        ("augment.text.steps.ocr.p", {"low": 0.0, "high": 2.0}, "with 2.0: params.yaml: augment.text.steps.ocr.p: 2.0"),
    ],
)
def test_each_extreme_goes_through_the_loader_before_the_first_trial(key: str, entry: dict, message: str) -> None:
    content = params({})
    with pytest.raises(UserError) as caught:
        space.check(content, dimensions({key: entry}), accept)
    assert message in str(caught.value)


def test_the_shipped_values_come_first_where_the_space_holds_them() -> None:
    content = params({})
    found = dimensions({"lr": {"low": 1e-5, "high": 1e-3, "log": True}, "batch_size": {"choices": [8, 16]}})
    assert space.current(content, found) == {"lr": 5e-5, "batch_size": 16}
    assert space.current(content, dimensions({"lr": {"low": 1e-4, "high": 1e-3}})) is None
    assert space.current(content, dimensions({"batch_size": {"low": 8, "high": 28, "step": 10}})) is None


def test_a_grid_goes_through_choices_and_steps_and_not_through_a_range() -> None:
    found = dimensions({"epochs": {"low": 2, "high": 3}, "finetune.l1": {"low": 0.0, "high": 0.2, "step": 0.1}})
    assert [tuple(values.values()) for values in space.grid(found)] == [
        (2, 0.0),
        (2, 0.1),
        (2, 0.2),
        (3, 0.0),
        (3, 0.1),
        (3, 0.2),
    ]
    with pytest.raises(UserError, match=r"search\.space\.lr: a grid cannot go through a range without step"):
        space.grid(dimensions({"lr": {"low": 1e-5, "high": 1e-3, "log": True}}))


@pytest.mark.parametrize(
    "value",
    [
        3.14e-5,
        16,
        True,
        None,
        "cosine",
        "bundled:all-MiniLM-L6-v2",
        "it's, {a: b}=c",
        "true",
        "",
        [0.9, 0.999],
        ["a", "b c"],
    ],
)
def test_an_override_reaches_params_through_dvc_as_it_was(tmp_path, value) -> None:
    file = tmp_path / "params.yaml"
    file.write_text("a:\n  b: 1 # why\nc: 2\n", encoding="utf-8")
    apply_overrides(str(file), space.overrides({"a.b": value}))
    assert parse(file) == {"a": {"b": value}, "c": 2}


def test_choices_tell_true_from_one() -> None:
    found = space.Dimension("x", Searched(choices=[1, True]), whole=False)
    assert [found.value(raw) is True for raw in ("1", "true")] == [False, True]
