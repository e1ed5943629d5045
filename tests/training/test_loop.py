"""The training loop on a tiny BERT: it learns, repeats to the bit, keeps the best and stops when it should."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from stages.core.errors import UserError
from stages.core.seeds import seed_of
from stages.strategies.cut import count_parameters
from stages.tasks.classification import headline, probabilities_of
from stages.training.batches import Encoded
from stages.training.loop import count_updates, fit, order
from stages.training.losses import make_loss
from stages.training.objective import CLASSES, rank
from stages.training.optimise import adamw
from stages.training.predict import logits_of
from stages.training.progress import History, Learner, Progress
from stages.training.schedules import Plateau, factor, make_scheduler
from stages.training.updates import update
from tests.training.settings import SETTINGS

CPU = torch.device("cpu")
INPUTS = [[2, *range(5 + number, 8 + 2 * number), 3] for number in range(8)]
GOLD = [0, 1, 2, 0, 1, 2, 0, 1]
OTHER = [(label + 1) % 3 for label in GOLD]
"""Contrary labels: validation gets worse with every epoch of training."""
Classifier = Callable[..., Any]


@pytest.fixture
def samples(encoded_table: Callable[..., pa.Table]) -> Callable[[list[int]], Encoded]:
    return lambda gold: Encoded(encoded_table(INPUTS, gold), pad_token_id=0)


Samples = Callable[[list[int]], Encoded]


def train(
    model: Any, training: Encoded, validation: Encoded, lr: float = 2e-3, log: Any = lambda _: None, **changes: Any
) -> History:
    """`fit` with AdamW and linear decay."""
    settings = replace(SETTINGS, **changes)
    optimizer = adamw(model, lr=lr, weight_decay=0.01, betas=[0.9, 0.999], epsilon=1e-8)
    steps = settings.epochs * math.ceil(len(training) / settings.batch_size)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor("linear", steps=steps, warmup_share=0.1))
    learner = Learner(model, optimizer, scheduler, CLASSES, CPU)
    return fit(learner, training, validation, settings=settings, log=log)


def one_step(
    model: Any, batch: dict[str, torch.Tensor], lr: float = 1.0, max_grad_norm: float | None = 1.0, smoothing: float = 0
) -> dict[str, float]:
    """`update` with plain gradient descent, whose change of the weights is the gradient it got."""
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    scheduler = torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)
    learner = Learner(
        model, optimizer, scheduler, replace(CLASSES, cost=make_loss("cross_entropy", label_smoothing=smoothing)), CPU
    )
    return update(learner, [batch], [1.0], precision="fp32", max_grad_norm=max_grad_norm)


def scores_of(model: Any, validation: Encoded) -> dict[str, float]:
    logits = logits_of(model, validation, batch_size=8, device=CPU, precision="fp32")
    return headline(validation.labels, probabilities_of(logits), bins=10)


def flat(model: Any) -> torch.Tensor:
    return torch.cat([weight.detach().flatten() for weight in model.parameters()]).clone()


def test_a_tiny_model_overfits_eight_examples(classifier: Classifier, samples: Samples) -> None:
    model = classifier()
    history = train(model, samples(GOLD), samples(GOLD), epochs=25, lr=5e-3)
    assert scores_of(model, samples(GOLD))["accuracy"] == 1.0
    assert history.epochs[-1]["train_loss"] < 0.1 < history.epochs[0]["train_loss"]


def test_two_runs_give_the_same_weights_to_the_bit(classifier: Classifier, samples: Samples) -> None:
    runs = []
    for noise in (1, 2):
        model = classifier(hidden_dropout_prob=0.2, attention_probs_dropout_prob=0.2)
        torch.manual_seed(noise)
        np.random.seed(noise)
        history = train(model, samples(GOLD), samples(GOLD))
        runs.append((history, flat(model)))
    assert runs[0][0] == runs[1][0]
    assert torch.equal(runs[0][1], runs[1][1])


def test_another_seed_gives_other_weights(classifier: Classifier, samples: Samples) -> None:
    weights = []
    for seed in (1, 2):
        model = classifier()
        train(model, samples(GOLD), samples(GOLD), seed=seed)
        weights.append(flat(model))
    assert not torch.equal(*weights)


@pytest.mark.parametrize("best_by", ["accuracy", "macro_f1", "log_loss"])
@pytest.mark.parametrize("shift", [0, 1])
def test_the_best_epochs_weights_are_kept_and_its_scores_repeat(
    classifier: Classifier, samples: Samples, best_by: str, shift: int
) -> None:
    model, validation = classifier(), samples([(label + shift) % 3 for label in GOLD])
    history = train(model, samples(GOLD), validation, epochs=6, best_by=best_by)
    reached = [rank(row, best_by, CLASSES.task) for row in history.epochs]
    assert history.best_epoch == reached.index(min(reached)) + 1
    kept = history.epochs[history.best_epoch - 1]
    assert scores_of(model, validation) == {
        name: kept[name] for name in kept if name != "epoch" and "train_" not in name
    }


def test_contrary_validation_keeps_the_weights_of_the_first_epoch(classifier: Classifier, samples: Samples) -> None:
    kept, one = classifier(), classifier()
    history = train(kept, samples(GOLD), samples(OTHER), epochs=3, lr=0.01, batch_size=8)
    assert (history.best_epoch, len(history.epochs), history.stopped_early) == (1, 3, False)
    batch = samples(GOLD).batch(next(order(samples(GOLD), replace(SETTINGS, batch_size=8), 1)))
    optimizer = adamw(one, lr=0.005, weight_decay=0.01, betas=[0.9, 0.999], epsilon=1e-8)
    scheduler = torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)
    update(Learner(one, optimizer, scheduler, CLASSES, CPU), [batch], [1.0], precision="fp32", max_grad_norm=1.0)
    torch.testing.assert_close(flat(kept), flat(one))


@pytest.mark.parametrize(
    ("losses", "options", "best", "ran"),
    [
        ([5, 4, 3, 2, 1], {"patience_epochs": 1}, 5, 5),
        ([5, 4, 4, 3, 2], {"patience_epochs": 1}, 2, 3),
        ([5, 4, 6, 3, 2], {"patience_epochs": 2}, 5, 5),
        ([5, 6, 7, 8, 9], {"patience_epochs": 3}, 1, 4),
        ([5, 6, 7, 8, 4], {"patience_epochs": 0}, 5, 5),
        ([5, 4.5, 4, 3.5, 3], {"patience_epochs": 2, "min_delta": 0.9}, 5, 5),
        ([5, 4.5, 4.2, 3, 2], {"patience_epochs": 2, "min_delta": 0.9}, 1, 3),
    ],
)
def test_training_stops_after_epochs_without_improvement(
    classifier: Classifier,
    samples: Samples,
    monkeypatch: pytest.MonkeyPatch,
    losses: list[float],
    options: dict[str, Any],
    best: int,
    ran: int,
) -> None:
    scripted = ({"log_loss": loss, "accuracy": 0.5, "macro_f1": 0.5} for loss in losses)
    monkeypatch.setattr("stages.training.loop.validate", lambda *_: next(scripted))
    history = train(classifier(), samples(GOLD), samples(GOLD), epochs=5, **options)
    assert (history.best_epoch, len(history.epochs), history.stopped_early) == (best, ran, ran < 5)
    assert len(history.steps) == 2 * ran


@pytest.mark.parametrize("best_by", ["accuracy", "macro_f1"])
def test_of_equal_epochs_the_first_is_kept(
    classifier: Classifier, samples: Samples, monkeypatch: pytest.MonkeyPatch, best_by: str
) -> None:
    scripted = iter([0.5, 0.7, 0.7])
    monkeypatch.setattr(
        "stages.training.loop.validate", lambda *_: dict.fromkeys(("accuracy", "macro_f1"), next(scripted))
    )
    assert train(classifier(), samples(GOLD), samples(GOLD), best_by=best_by).best_epoch == 2


@pytest.mark.parametrize(
    ("scores", "losses", "options", "best", "ran"),
    [
        ([0.5, 0.7, 0.7, 0.7, 0.6], [4, 3, 2, 2, 1], {}, 3, 5),
        ([0.5, 0.7, 0.7, 0.7, 0.6], [4, 2, 3, 1, 1], {}, 4, 5),
        ([0.5, 0.7, 0.7, 0.7, 0.7], [4, 3, 2, 1, 0], {"patience_epochs": 2}, 4, 4),
    ],
)
def test_equal_scores_are_decided_by_log_loss_and_are_no_improvement(
    classifier: Classifier,
    samples: Samples,
    monkeypatch: pytest.MonkeyPatch,
    scores: list[float],
    losses: list[float],
    options: dict[str, Any],
    best: int,
    ran: int,
) -> None:
    scripted = ({"accuracy": score, "log_loss": loss} for score, loss in zip(scores, losses, strict=True))
    monkeypatch.setattr("stages.training.loop.validate", lambda *_: next(scripted))
    history = train(classifier(), samples(GOLD), samples(GOLD), epochs=5, best_by="accuracy", **options)
    assert (history.best_epoch, len(history.epochs)) == (best, ran)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_stops_with_advice(classifier: Classifier, samples: Samples, value: float) -> None:
    model = classifier()
    torch.nn.init.constant_(model.classifier.bias, value)
    with pytest.raises(UserError, match=r"the training loss is nan") as caught:
        train(model, samples(GOLD), samples(GOLD), lr=2e-3)
    assert caught.value.hint == "lower lr (now 0.001), or set finetune.max_grad_norm"


def test_a_last_step_that_diverges_is_told_too(classifier: Classifier, samples: Samples) -> None:
    with pytest.raises(UserError, match=r"logits are not finite for 8 of 8 samples: training has diverged"):
        train(classifier(), samples(GOLD), samples(GOLD), lr=1e38, epochs=1, batch_size=8)


def test_the_order_depends_on_seed_and_epoch_alone(samples: Samples) -> None:
    def rows(seed: int, epoch: int) -> list[list[int]]:
        settings = replace(SETTINGS, seed=seed, batch_size=2, group_by_length=False)
        return [batch.tolist() for batch in order(samples(GOLD), settings, epoch)]

    first = rows(1, 1)
    np.random.seed(5)
    torch.manual_seed(5)
    assert rows(1, 1) == first
    assert sorted(row for batch in first for row in batch) == list(range(8))
    assert first != rows(1, 2) != rows(2, 2) != first


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_the_loss_is_cross_entropy_with_smoothed_labels(
    classifier: Classifier, samples: Samples, smoothing: float
) -> None:
    model, batch = (
        classifier(),
        samples(GOLD).batch(np.arange(8)),
    )
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits.detach()
    logs = logits.log_softmax(dim=1)
    gold = logs[torch.arange(8), batch["labels"]]
    expected = -((1 - smoothing) * gold + smoothing * logs.mean(dim=1)).mean()
    given = torch.nn.functional.cross_entropy(logits, batch["labels"], label_smoothing=smoothing)
    loss = one_step(model, batch, smoothing=smoothing)["loss"]
    assert loss == pytest.approx(float(expected), rel=1e-5) == pytest.approx(float(given), rel=1e-5)


@pytest.mark.parametrize("bound", [0.05, 1e6, None])
def test_clipping_bounds_the_norm_of_the_gradient(
    classifier: Classifier, samples: Samples, bound: float | None
) -> None:
    model = classifier().double()
    before = flat(model)
    norm = one_step(model, samples(GOLD).batch(np.arange(8)), max_grad_norm=bound)["grad_norm"]
    assert norm > 0.05, "the norm is given as it was before clipping"
    change = float((flat(model) - before).norm())
    assert change == pytest.approx(min(norm, bound or math.inf), rel=1e-4)
    assert all(weight.grad is None for weight in model.parameters())


def test_each_step_is_logged_with_its_learning_rate(classifier: Classifier, samples: Samples) -> None:
    history = train(classifier(), samples(GOLD), samples(GOLD), lr=0.01, epochs=2)
    assert [row["step"] for row in history.steps] == [1, 2, 3, 4]
    assert [row["lr"] for row in history.steps] == pytest.approx([0.005, 0.01, 0.02 / 3, 0.01 / 3])
    assert set(history.steps[0]) == {"step", "loss", "grad_norm", "lr"}


def test_each_epoch_is_logged_when_it_ends(classifier: Classifier, samples: Samples) -> None:
    logged: list[dict[str, float]] = []
    history = train(classifier(), samples(GOLD), samples(GOLD), log=lambda row: logged.append(dict(row)))
    assert logged == history.epochs
    assert [row["epoch"] for row in logged] == [1, 2, 3]
    first = [row["loss"] for row in history.steps[:2]]
    assert logged[0]["train_loss"] == pytest.approx(np.mean(first))


def test_mixed_precision_trains_single_precision_weights(classifier: Classifier, samples: Samples) -> None:
    model = classifier()
    history = train(model, samples(GOLD), samples(GOLD), epochs=25, lr=5e-3, precision="bf16")
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
    assert history.epochs[-1]["accuracy"] == 1.0


def test_frozen_weights_stay(classifier: Classifier, samples: Samples) -> None:
    model = classifier()
    model.bert.requires_grad_(False)
    before = {name: weight.clone() for name, weight in model.bert.state_dict().items()}
    train(model, samples(GOLD), samples(GOLD))
    assert all(torch.equal(weight, before[name]) for name, weight in model.bert.state_dict().items())
    counts = count_parameters(model)
    assert counts["trainable"] == 3 * 32 + 3 < counts["total"] == flat(model).numel()


def test_the_mean_loss_weighs_batches_by_their_size() -> None:
    progress = Progress(losses=[(1.0, 3), (5.0, 1)])
    assert progress.train_row("accuracy") == {"train_loss": 2.0}
    progress.score_sum = 3.0
    assert progress.train_row("accuracy") == {"train_loss": 2.0, "train_accuracy": 0.75}


@pytest.mark.parametrize("options", [{}, {"batch_size": 3, "accumulation_steps": 2}])
def test_the_training_accuracy_is_that_of_the_batches_as_they_come(
    classifier: Classifier, samples: Samples, options: dict[str, Any]
) -> None:
    history = train(classifier(), samples(GOLD), samples(GOLD), lr=0.0, **options)
    assert [row["train_accuracy"] for row in history.epochs] == [row["accuracy"] for row in history.epochs]
    assert 0 < history.epochs[0]["train_accuracy"] < 1


def test_the_defaults_are_a_plain_loop_to_the_bit(classifier: Classifier, samples: Samples) -> None:
    ours, plain = (classifier(hidden_dropout_prob=0.1) for _ in range(2))
    history = train(ours, samples(GOLD), samples(GOLD), epochs=2, best_by="log_loss")
    assert history.best_epoch == 2
    groups = [
        {"params": [w for w in plain.parameters() if w.ndim > 1], "weight_decay": 0.01},
        {"params": [w for w in plain.parameters() if w.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, fused=True)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor("linear", steps=4, warmup_share=0.1))
    plain.train()
    for epoch in (1, 2):
        torch.manual_seed(seed_of(1, "finetune", "dropout", epoch))
        for rows in order(samples(GOLD), SETTINGS, epoch):
            batch = samples(GOLD).batch(rows)
            labels = batch.pop("labels")
            torch.nn.functional.cross_entropy(plain(**batch).logits, labels).backward()
            torch.nn.utils.clip_grad_norm_(plain.parameters(), 1.0)
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()
    assert torch.equal(flat(ours), flat(plain))


def test_updates_are_counted_with_accumulation_and_token_budgets(classifier: Classifier, samples: Samples) -> None:
    for changes in ({"accumulation_steps": 2, "batch_size": 3}, {"batch_tokens": 30}, {"batch_tokens": 30, "seed": 4}):
        settings = replace(SETTINGS, **changes)
        history = train(classifier(), samples(GOLD), samples(GOLD), **changes)
        assert len(history.steps) == count_updates(samples(GOLD), settings)
        assert [row["epoch"] for row in history.epochs] == [1, 2, 3]


def test_a_plateau_lowers_the_rate_of_the_very_next_step(
    classifier: Classifier, samples: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = dict.fromkeys(("accuracy", "macro_f1", "log_loss"), 0.5)
    monkeypatch.setattr("stages.training.loop.validate", lambda *_: dict(same))
    model = classifier()
    optimizer = adamw(model, lr=0.01, weight_decay=0.01, betas=[0.9, 0.999], epsilon=1e-8)
    plateau = Plateau(0.5, 0, 0.0)
    scheduler = make_scheduler(optimizer, factor("reduce_on_plateau", steps=6, warmup_share=0.0), plateau)
    learner = Learner(model, optimizer, scheduler, CLASSES, CPU, plateau=plateau)
    history = fit(learner, samples(GOLD), samples(GOLD), settings=SETTINGS)
    assert [row["lr"] for row in history.steps] == pytest.approx([0.01, 0.01, 0.01, 0.01, 0.005, 0.005])
