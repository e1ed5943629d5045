"""Objectives: losses by their formulas, and the unit of the values put into the model's last layer."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
import transformers

from stages.core.errors import UserError
from stages.tasks.classes import Classes
from stages.tasks.values import Values
from stages.training.batches import Encoded
from stages.training.loop import fit
from stages.training.objective import CLASSES, Objective, Standardised, badness, last_layer, objective, rank
from stages.training.optimise import adamw
from stages.training.predict import logits_of
from stages.training.progress import Learner
from stages.training.schedules import factor
from tests.training.settings import SETTINGS

CPU = torch.device("cpu")
VALUES = Values({"train_values": {"count": 9, "mean": 250.0, "deviation": 40.0}}, bins=1)
SMALL: dict[str, Any] = {"num_labels": 1, "problem_type": "regression"}
TEXT: dict[str, Any] = {"vocab_size": 30, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
TEXT |= {"intermediate_size": 16, "pad_token_id": 0} | SMALL
AUTO = transformers.AutoModelForSequenceClassification
MODELS: dict[str, Callable[[], Any]] = {
    "bert": lambda: AUTO.from_config(transformers.BertConfig(**TEXT)),
    "roberta": lambda: AUTO.from_config(transformers.RobertaConfig(**TEXT)),
    "distilbert": lambda: AUTO.from_config(
        transformers.DistilBertConfig(vocab_size=30, dim=16, n_layers=1, n_heads=2, hidden_dim=16, **SMALL)
    ),
    "llama, whose last layer has no bias": lambda: AUTO.from_config(transformers.LlamaConfig(**TEXT)),
    "vit": lambda: transformers.AutoModelForImageClassification.from_config(
        transformers.ViTConfig(
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
            image_size=8,
            patch_size=4,
            **SMALL,
        )
    ),
    "resnet": lambda: transformers.AutoModelForImageClassification.from_config(
        transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 8], depths=[1, 1], **SMALL)
    ),
}


def goal_of(task: Values, model: Any, *, loss: str, huber_delta: float | None) -> Objective:
    none: dict[str, Any] = {"label_smoothing": 0.0, "focal_gamma": 2.0, "class_weights": "none"}
    return objective(task, model, np.array([250.0]), loss=loss, huber_delta=huber_delta, **none)


def inputs_of(name: str) -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    if name in ("vit", "resnet"):
        return {"pixel_values": torch.randn(4, 3, 8, 8)}
    return {"input_ids": torch.randint(3, 30, (4, 6)), "attention_mask": torch.ones(4, 6, dtype=torch.int64)}


@pytest.mark.parametrize("name", MODELS)
def test_the_finished_model_answers_as_the_unfinished_one_scaled_and_shifted(name: str) -> None:
    torch.manual_seed(0)
    model, inputs = MODELS[name]().eval(), inputs_of(name)
    goal = goal_of(VALUES, model, loss="mse", huber_delta=None)
    assert isinstance(goal, Standardised)
    with torch.no_grad():
        before = model(**inputs).logits * goal.scale + goal.shift
        goal.finish(model)
        after = model(**inputs).logits
    assert before.std() > 0
    torch.testing.assert_close(after, before, rtol=1e-5, atol=1e-5)


def test_without_a_bias_values_are_divided_by_their_root_mean_square() -> None:
    goal = goal_of(VALUES, MODELS["llama, whose last layer has no bias"](), loss="mse", huber_delta=None)
    assert isinstance(goal, Standardised)
    assert (goal.scale, goal.shift) == (pytest.approx((250**2 + 40**2) ** 0.5), 0.0)


def test_a_model_without_one_last_layer_is_refused() -> None:
    two = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.Linear(1, 1))
    for model, count in ((two, 2), (torch.nn.Linear(2, 3), 0)):
        with pytest.raises(UserError, match=f"has {count} linear layers with one output, not one") as caught:
            last_layer(model)
        assert caught.value.hint == "choose another model"


@pytest.mark.parametrize("delta", [None, 0.5, 2.0])
def test_the_loss_is_the_squared_or_hubers_error_of_standardised_values(delta: float | None) -> None:
    goal = Standardised(VALUES, scale=40.0, shift=250.0, huber_delta=delta)
    gold, logits = torch.tensor([250.0, 290.0, 130.0]), torch.tensor([[0.1], [0.0], [0.0]])
    errors = np.array([0.1, 1.0, 3.0])
    if delta is None:
        expected = (errors**2).mean()
    else:
        expected = np.where(errors <= delta, errors**2 / 2, delta * (errors - delta / 2)).mean()
    assert goal.loss(logits, gold).item() == pytest.approx(expected, rel=1e-6)


def test_the_squared_error_of_always_answering_the_mean_is_one() -> None:
    gold = np.array([1.0, 2.0, 3.0, 6.0])
    goal = Standardised(VALUES, scale=float(gold.std()), shift=float(gold.mean()), huber_delta=None)
    scores = goal.scores(gold, np.zeros((4, 1), dtype=np.float32))
    assert scores == {"loss": pytest.approx(1.0), "mse": pytest.approx(3.5), "mae": 1.5, "r2": pytest.approx(0.0)}


def test_a_score_is_turned_so_that_lower_is_better_and_undefined_is_the_worst() -> None:
    assert badness({"mse": 2.0}, "mse", VALUES) == 2.0
    assert badness({"pearson": 0.5}, "pearson", VALUES) == -0.5
    assert badness({}, "pearson", VALUES) > 1e300
    assert badness({"accuracy": 0.5}, "accuracy", CLASSES.task) == -0.5


@pytest.fixture
def samples() -> Encoded:
    """Eight texts whose values are 250 + 10 times the last token, whatever else they hold."""
    inputs = [[2, 5 + number, 3] for number in range(8)]
    columns = {
        "id": [f"s{number}" for number in range(8)],
        "value": [250.0 + 10 * number for number in range(8)],
        "length": [3] * 8,
        "input_ids": inputs,
    }
    return Encoded(pa.table(columns), pad_token_id=0)


@pytest.mark.parametrize("loss", ["mse", "huber"])
@pytest.mark.parametrize("best_by", ["mse", "spearman"])
def test_a_tiny_model_learns_eight_values_in_their_own_unit(
    classifier: Callable[..., Any], samples: Encoded, loss: str, best_by: str
) -> None:
    model = classifier(1, problem_type="regression")
    task = Values({"train_values": {"count": 8, "mean": 285.0, "deviation": 22.9}}, bins=1)
    goal = goal_of(task, model, loss=loss, huber_delta=1.0)
    settings = replace(SETTINGS, epochs=30, best_by=best_by)
    optimizer = adamw(model, lr=5e-3, weight_decay=0.0, betas=[0.9, 0.999], epsilon=1e-8)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor("linear", steps=60, warmup_share=0.1))
    history = fit(Learner(model, optimizer, scheduler, goal, CPU), samples, samples, settings=settings)
    best = history.epochs[history.best_epoch - 1]
    reached = [rank(row, best_by, task) for row in history.epochs]
    assert history.best_epoch == reached.index(min(reached)) + 1
    goal.finish(model)
    logits = logits_of(model, samples, batch_size=8, device=CPU, precision="fp32")
    found = task.headline(samples.labels, task.outputs(logits))
    assert found == pytest.approx({name: best[name] for name in found}, rel=1e-4, abs=1e-4)
    assert found["r2"] > 0.9
    assert history.epochs[0]["train_loss"] > history.epochs[-1]["train_loss"] < 0.2


def test_values_are_handed_out_in_single_precision_and_kept_in_double(samples: Encoded) -> None:
    assert samples.labels.dtype == np.float64
    assert samples.batch(np.array([1, 0]))["labels"].tolist() == [260.0, 250.0]
    assert samples.batch(np.array([0]))["labels"].dtype == torch.float32
    assert set(samples.batch(np.array([0]))) == {"attention_mask", "input_ids", "labels"}


def test_undefined_scores_of_an_early_epoch_do_not_lose_the_model(
    classifier: Callable[..., Any], samples: Encoded, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted = iter([{"loss": 1.0}, {"loss": 1.0, "pearson": -0.5}, {"loss": 1.0}])
    monkeypatch.setattr("stages.training.loop.validate", lambda *_: next(scripted))
    model = classifier(1)
    goal = goal_of(VALUES, model, loss="mse", huber_delta=None)
    settings = replace(SETTINGS, best_by="pearson")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    scheduler = torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)
    learner = Learner(model, optimizer, scheduler, goal, CPU)
    assert fit(learner, samples, samples, settings=settings).best_epoch == 2


def test_the_training_score_of_values_is_r2_against_the_training_mean() -> None:
    goal = Standardised(VALUES, scale=40.0, shift=250.0, huber_delta=None)
    gold, logits = torch.tensor([250.0, 290.0, 210.0, 330.0]), torch.tensor([[0.0], [0.5], [-1.0], [1.0]])
    errors = (logits[:, 0].numpy() * 40 + 250 - gold.numpy()) / 40
    assert goal.batch_score == "r2"
    assert goal.score_sum(logits, gold).item() == pytest.approx(4 - (errors**2).sum())


def test_the_loss_of_one_answer_is_the_baseline() -> None:
    goal = Standardised(VALUES, scale=40.0, shift=250.0, huber_delta=None)
    assert goal.baselines(np.array([250.0, 290.0, 210.0, 330.0])) == (1.5, 1.5)
    assert goal.mass(np.array([1.0, 2.0])) == 2.0


def test_classes_have_the_loss_that_params_name() -> None:
    task = Classes({"labels": ["a", "b"]}, bins=1)
    options: dict[str, Any] = {"label_smoothing": 0.0, "focal_gamma": 2.0, "class_weights": "balanced"}
    gold = np.array([0, 0, 0, 1])
    goal = objective(task, torch.nn.Linear(1, 2), gold, loss="focal", huber_delta=None, **options)
    assert goal.mass(gold) == pytest.approx(4.0) and goal.mass(gold[:3]) == pytest.approx(2.0)
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    assert goal.baselines(gold) == pytest.approx((0.25 * np.log(2), entropy), rel=1e-5)
