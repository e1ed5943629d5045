"""One update: accumulation, mixup, averaging, half precision, and what stops it."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from stages.core.errors import UserError
from stages.training.averaging import Average
from stages.training.batches import Encoded
from stages.training.device import autocast
from stages.training.losses import make_loss
from stages.training.memory import told_when_out_of_memory
from stages.training.mixup import mixed
from stages.training.modes import compiled, keep_few_activations
from stages.training.objective import CLASSES, CrossEntropy
from stages.training.progress import Learner
from stages.training.updates import masses, update

CPU = torch.device("cpu")
INPUTS = [[2, *range(5 + number, 8 + 2 * number), 3] for number in range(8)]
GOLD = [0, 1, 2, 0, 1, 2, 0, 1]
FOCAL = make_loss("focal", torch.tensor([0.3, 1.0, 4.0]), label_smoothing=0.1, gamma=2.0)
WEIGHTED = CrossEntropy(CLASSES.task, FOCAL, 0.1)
Classifier = Callable[..., Any]


@pytest.fixture
def samples(encoded_table: Callable[..., pa.Table]) -> Encoded:
    return Encoded(encoded_table(INPUTS, GOLD), pad_token_id=0)


class Flat(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(3, 3)

    def forward(self, pixel_values: torch.Tensor) -> Any:
        return type("Output", (), {"logits": self.layer(pixel_values)})


def learner(model: Any, goal: CrossEntropy = CLASSES, lr: float = 0.1, **parts: Any) -> Learner:
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    scheduler = torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)
    return Learner(model, optimizer, scheduler, goal, CPU, **parts)


def once(given: Learner, train: Encoded, groups: list[list[int]], **changes: Any) -> dict[str, float]:
    rows = [np.array(group) for group in groups]
    options = {"precision": "fp32", "max_grad_norm": 1.0} | changes
    return update(given, (train.batch(one) for one in rows), masses(given.objective, train, rows), **options)


def weights(model: Any) -> torch.Tensor:
    return torch.cat([weight.detach().flatten() for weight in model.parameters()]).clone()


@pytest.mark.parametrize("goal", [CLASSES, WEIGHTED], ids=["plain", "weighted focal"])
@pytest.mark.parametrize("groups", [[[0, 1, 2, 3], [4, 5, 6, 7]], [[0, 1, 2, 3, 4], [5, 6], [7]]])
def test_accumulated_batches_learn_as_one_does(
    classifier: Classifier, samples: Encoded, goal: CrossEntropy, groups: list[list[int]]
) -> None:
    whole, parts = classifier(), classifier()
    wanted = once(learner(whole, goal), samples, [list(range(8))])
    found = once(learner(parts, goal), samples, groups)
    assert found == pytest.approx(wanted, rel=1e-5)
    torch.testing.assert_close(weights(parts), weights(whole), atol=1e-6, rtol=0)


def test_a_gradient_that_is_not_finite_changes_nothing(classifier: Classifier, samples: Encoded) -> None:
    model = classifier()
    before = weights(model)
    model.classifier.weight.register_hook(lambda slope: slope * math.inf)
    with pytest.raises(UserError, match=r"the training gradient's norm is (nan|inf)") as caught:
        once(learner(model), samples, [[0, 1]])
    assert caught.value.hint == "lower lr (now 0.1), or set finetune.max_grad_norm"
    assert torch.equal(weights(model), before)


def test_half_precision_leaves_out_a_step_that_overflows_and_lowers_the_scale(
    classifier: Classifier, samples: Encoded
) -> None:
    model = classifier()
    given = learner(model, scaler=torch.amp.GradScaler("cpu", init_scale=1024.0), average=Average(model, 0.9))
    model.classifier.weight.register_hook(lambda slope: slope * math.inf)
    before = weights(model)
    assert not math.isfinite(once(given, samples, [[0, 1]])["grad_norm"])
    assert torch.equal(weights(model), before) and given.average is not None and given.average.updates == 0
    assert given.scaler is not None and given.scaler.get_scale() == 512.0


def test_scaled_gradients_give_the_same_step(classifier: Classifier, samples: Encoded) -> None:
    plain, scaled = classifier(), classifier()
    wanted = once(learner(plain), samples, [[0, 1, 2]])
    found = once(learner(scaled, scaler=torch.amp.GradScaler("cpu", init_scale=1024.0)), samples, [[0, 1, 2]])
    assert found == pytest.approx(wanted)
    torch.testing.assert_close(weights(scaled), weights(plain))


def test_half_precision_needs_cuda() -> None:
    with pytest.raises(UserError, match=r"finetune.precision: fp16 needs a CUDA device, this is cpu") as caught:
        autocast(CPU, "fp16")
    assert caught.value.hint == "finetune.precision: fp32, or bf16"


def test_gradient_checkpointing_gives_the_same_step(classifier: Classifier, samples: Encoded) -> None:
    plain, saving = classifier(), classifier()
    keep_few_activations(saving)
    for model in (plain, saving):
        model.train()
    assert once(learner(saving), samples, [[0, 1, 2]]) == once(learner(plain), samples, [[0, 1, 2]])
    assert torch.equal(weights(saving), weights(plain))


def test_the_average_is_exponential_by_hand(classifier: Classifier, samples: Encoded) -> None:
    model = classifier()
    average = Average(model, 0.3)
    expected = weights(model)
    for decay in (2 / 11, 3 / 12, 0.3):
        once(learner(model, average=average), samples, [[0, 1]])
        expected = decay * expected + (1 - decay) * weights(model)
    own = weights(model)
    with average.applied(model):
        torch.testing.assert_close(weights(model), expected)
    assert torch.equal(weights(model), own)


def test_mixed_samples_have_no_training_score() -> None:
    torch.manual_seed(0)
    batch = {"pixel_values": torch.eye(3), "labels": torch.tensor([0, 1, 2])}
    options: dict[str, Any] = {"precision": "fp32", "max_grad_norm": None}
    plain = update(learner(Flat()), [dict(batch)], [1.0], **options)
    mixed_up = update(learner(Flat()), [dict(batch)], [1.0], mixup=0.4, draw=np.random.default_rng(1), **options)
    assert plain["score_sum"] in (0, 1, 2, 3) and "score_sum" not in mixed_up


def test_mixup_mixes_inputs_and_labels_by_one_share() -> None:
    batch = {"pixel_values": torch.arange(12.0).view(4, 3), "labels": torch.tensor([0, 1, 2, 0])}
    found, partners, share = mixed(batch, 0.4, np.random.default_rng(5))
    draw = np.random.default_rng(5)
    assert share == draw.beta(0.4, 0.4)
    order = torch.from_numpy(draw.permutation(4))
    expected = share * batch["pixel_values"] + (1 - share) * batch["pixel_values"][order]
    assert torch.equal(found["pixel_values"], expected)
    assert torch.equal(partners, batch["labels"][order]) and torch.equal(found["labels"], batch["labels"])


def test_texts_cannot_be_mixed(classifier: Classifier, samples: Encoded) -> None:
    with pytest.raises(UserError, match=r"finetune.mixup: texts cannot be mixed"):
        once(learner(classifier()), samples, [[0, 1]], mixup=0.2, draw=np.random.default_rng(1))


def test_the_loss_of_a_mixed_batch_is_that_of_mixed_labels() -> None:
    model = Flat()
    batch = {"pixel_values": torch.randn(4, 3), "labels": torch.tensor([0, 1, 2, 0])}
    found, partners, share = mixed(batch, 0.4, np.random.default_rng(5))
    soft = share * torch.eye(3)[found["labels"]] + (1 - share) * torch.eye(3)[partners]
    expected = torch.nn.functional.cross_entropy(model(found["pixel_values"]).logits, soft).item()
    options: dict[str, Any] = {"mixup": 0.4, "draw": np.random.default_rng(5), "max_grad_norm": None}
    row = update(learner(model), [batch], [1.0], precision="fp32", **options)
    assert row["loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
    ],
)
def test_memory_that_runs_out_is_told_with_what_to_try(error: Exception) -> None:
    with (
        pytest.raises(UserError, match="out of memory with batch_size 16") as caught,
        told_when_out_of_memory(16, 1, None),
    ):
        raise error
    assert caught.value.hint.startswith("batch_size: 8 with finetune.accumulation_steps: 2 (the same updates), or ")


def test_memory_that_runs_out_for_one_sample_or_for_tokens_has_its_own_advice() -> None:
    with (
        pytest.raises(UserError, match="out of memory with batch_tokens 512") as caught,
        told_when_out_of_memory(16, 2, 512),
    ):
        raise MemoryError
    assert caught.value.hint.startswith("finetune.batch_tokens: 256 with finetune.accumulation_steps: 4")
    with (
        pytest.raises(UserError, match="out of memory with batch_size 1") as caught,
        told_when_out_of_memory(1, 1, None),
    ):
        raise MemoryError
    assert caught.value.hint.startswith("finetune.gradient_checkpointing: true")


def test_a_real_allocation_that_fails_is_told() -> None:
    with pytest.raises(UserError, match="out of memory"), told_when_out_of_memory(2, 1, None):
        torch.empty(2**60)


def test_other_errors_pass() -> None:
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"), told_when_out_of_memory(2, 1, None):
        torch.zeros(2, 3) @ torch.zeros(2, 3)


def test_a_compiler_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Flat()

    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("no compiler")

    monkeypatch.setattr(model, "compile", lambda: torch.nn.Module.compile(model, backend=broken))
    with (
        pytest.raises(UserError, match=r"finetune.compile: torch.compile fails: .*no compiler") as caught,
        compiled(model, wanted=True),
    ):
        model(torch.zeros(1, 3))
    assert caught.value.hint == "finetune.compile: false"
    with pytest.raises(ValueError, match="other"), compiled(torch.nn.Linear(2, 2), wanted=False):
        raise ValueError("other")
