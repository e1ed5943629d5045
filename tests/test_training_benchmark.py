"""benchmarks/training.py at a tiny size: what is generated, timed and compared; speed itself is for a quiet machine."""

import csv
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from ruamel.yaml import YAML

from benchmarks import (
    training,
    training_clock,
    training_data,
    training_gpu,
    training_line,
    training_logistic,
    training_peers,
    training_rows,
)
from benchmarks.training_line import Timed
from benchmarks.training_rows import Row, accuracy, difference, peaks, rates, turns
from stages.core import tables
from stages.core.params import load
from stages.split import SCHEMA
from tests import workplace
from tests.test_encode_once import GIVEN, ROWS, SPLITS


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from stages.training import features, loop

    monkeypatch.setattr(loop, "epoch", loop.epoch)
    monkeypatch.setattr(features, "compute", features.compute)
    monkeypatch.delenv("REAL_DATA", raising=False)
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


def test_generated_sentences_repeat_and_tell_their_class(tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert training_data.write(tmp_path / name, 300, seed=1) == "generated sentences"
    assert all((tmp_path / f"{n}/train.tsv").read_bytes() == (tmp_path / "a/train.tsv").read_bytes() for n in "ab")
    rows = [line.split("\t") for line in (tmp_path / "a/train.tsv").read_text().splitlines()]
    assert len(rows) == 300 and {row[1] for row in rows} == {"0", "1"}
    assert all(4 <= len(row[0].split()) < 40 for row in rows)
    sizes = [len((tmp_path / f"a/{name}").read_text().splitlines()) for name in ("dev.tsv", "test.tsv")]
    assert sizes == [300, 300]


def test_real_sentences_are_drawn_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sst2").mkdir()
    for name in training_data.SPLITS.values():
        (tmp_path / f"sst2/{name}").write_text("".join(f"{name} {number}\t1\n" for number in range(40)))
    monkeypatch.setenv("REAL_DATA", str(tmp_path))
    assert training_data.write(tmp_path / "found", 10, seed=1) == "SST-2 sentences"
    lines = (tmp_path / "found/dev.tsv").read_text().splitlines()
    assert len(set(lines)) == 10 and all(line.startswith("dev.tsv ") for line in lines)
    assert training_data.write(tmp_path / "long", 4, seed=1, words=(50, 51)) == "generated sentences"


def test_the_params_are_valid(tmp_path: Path) -> None:
    changes = {"strategy": "head", "finetune.precision": "bf16", "seed": 7}
    YAML().dump(training_line.params(changes), tmp_path / "params.yaml")
    params = load(tmp_path / "params.yaml")
    assert (params.strategy, params.finetune.precision, params.seed, params.batch_size) == ("head", "bf16", 7, 32)


def test_steps_of_the_start_do_not_count() -> None:
    marks = [(0.0, 0), (10.0, 8), (11.0, 16), (12.0, 24), (13.0, 32), (14.0, 40)]
    assert training_clock.rate([marks]) == 8.0
    assert training_clock.rate([marks, [(20.0, 0), (24.0, 64)]]) == 80 / 6
    assert training_clock.rate([[(0.0, 0), (2.0, 100)]]) == 50.0


def timed(rate: float, peak: float = 100.0) -> Timed:
    return Timed(9.0, peak, [[(0.0, 0), (1.0, int(rate))]])


def test_medians_of_turns_are_compared_with_the_goal() -> None:
    order: list[str] = []
    values = iter([10.0, 30.0, 20.0])
    ours, peer = turns(
        lambda: order.append("ours") or timed(next(values)), lambda: order.append("peer") or timed(8.0), 3
    )
    assert order == ["ours", "peer"] * 3
    row = rates("full", ours, peer, 2.0)
    assert (row.ours, row.peer, row.times, row.missed) == (20.0, 8.0, 2.5, False)
    assert replace(row, goal=2.6).missed
    assert peaks("full", [timed(1, 50.0)], [timed(1, 75.0)]).times == 1.5


def test_the_difference_is_paired_by_sample() -> None:
    rng = np.random.default_rng(0)
    right = dict(zip(map(str, range(400)), (rng.random(400) < 0.8).tolist(), strict=True))
    assert difference([right], [right]) == (0.0, 0.0, 0.0)
    wrong = {name: found and number >= 40 for number, (name, found) in enumerate(right.items())}
    lost = sum(right.values()) - sum(wrong.values())
    found, low, high = difference([wrong], [right])
    assert found == pytest.approx(-lost / 400) and low < found < high < 0
    mixed = difference([right, wrong], [right, wrong])
    assert mixed[0] == 0 and mixed[1] < -0.05 and mixed[2] > 0.05
    judged = accuracy("full", [wrong], [right], "1 seed", kept_when=lambda _, high: high >= 0)
    assert judged.missed and judged.note.startswith("1 seed; difference -0.")


def test_the_table_has_the_digits_that_say_something() -> None:
    assert training.cells(Row("a", "samples/s", 1234.56, 100.0, 12.3456, 2.5, "x")) == [
        "a",
        "samples/s",
        "1,234.6",
        "100.0",
        "12.35",
        "2.5",
    ]
    assert training.cells(Row("b", "accuracy", 0.81234, 0.8))[2:] == ["0.8123", "0.8000", "", ""]


def test_goals_that_are_missed_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = Row("full", "samples/s", 5.0, 2.0, 2.5, 2.0), Row("lora", "samples/s", 3.0, 2.0, 1.5, 2.0)
    assert (training.judge([good]), training.judge([good, bad])) == (0, 1)
    assert capsys.readouterr().out.splitlines() == ["missed: lora (samples/s)"]


def test_flops_are_those_of_the_formula() -> None:
    weights = 12 * (4 * 768**2 + 2 * 768 * 3072)
    assert weights == 84_934_656
    assert training_gpu.flops(training_gpu.BASE) == 128 * (6 * weights + 12 * 12 * 768 * 128)


def test_a_stage_leaves_marks(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = GIVEN | {"model": str(tiny_model), "strategy": "head", "encode.pooling": "native"}
    with workplace.working_in(tmp_path, changes):
        workplace.put("cleaned", "samples", workplace.table(ROWS))
        workplace.put("augmented", "samples", workplace.table([]))
        ids = [row["id"] for row in ROWS]
        workplace.put("split", "assignment", pa.table([ids, SPLITS, *[[None] * len(ids)] * 2], schema=SCHEMA))
        tables.write_json("data/fetched/provenance.json", {"source": "files"})
        found = []
        for stage in ("encode", "finetune"):
            monkeypatch.setattr(sys, "argv", ["clock", stage])
            training_clock.main()
            found.append(json.loads(Path(training_clock.OUTPUT).read_text())["periods"])
        monkeypatch.setattr(sys, "argv", ["logistic", "logistic.json"])
        training_logistic.main()
        assert list(json.loads(Path("logistic.json").read_text())["right"]) == [r["id"] for r in ROWS[20:]]
    encoding, epochs = found
    assert [[samples for _, samples in marks] for marks in encoding] == [[0, 20]]
    assert [[samples for _, samples in marks] for marks in epochs] == [[0, 4, 8, 12, 16]] * 2
    times = [when for marks in epochs for when, _ in marks]
    assert times == sorted(times)


@pytest.mark.parametrize(("train", "weights"), [("head", 1_122), ("last:1", 9_666), ("all", 22_850), ("lora", None)])
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")  # of peft, of a machine without a GPU
def test_the_trainer_script_trains_what_is_asked_for(
    train: str, weights: int | None, tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, rows in (("train", ROWS[:10]), ("test", ROWS[16:20])):
        with (tmp_path / f"{name}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerows(
                [["id", "text", "label"], *([r["id"], r["text"], int(r["label"] == "good")] for r in rows)]
            )
    given: dict[str, Any] = {"data": tmp_path, "model": tiny_model, "train": train, "output": tmp_path / "out.json"}
    given |= {"lr": 1e-3, "epochs": 2, "batch-size": 4, "seed": 1, "max-length": 32}
    arguments = [part for name, value in given.items() for part in (f"--{name}", str(value))]
    monkeypatch.setattr(sys, "argv", ["peers", *arguments])
    training_peers.main()
    found = json.loads((tmp_path / "out.json").read_text())
    assert [[samples for _, samples in marks] for marks in found["periods"]] == [[0, 4, 8, 10]] * 2
    assert list(found["right"]) == ["s16", "s17", "s18", "s19"]
    assert found["trainable"] == (weights or found["trainable"])
    assert 1_122 < found["trainable"] < 22_850 or train != "lora"


class FakeLine:
    """What was asked of it, in order; ours is twice as fast as the peer and half as large."""

    rows, asked, source = 64, 64, "sentences"

    def __init__(self, *_: Any, **__: Any) -> None:
        self.done: list[str] = []
        self.threads = {1}

    def set(self, **changes: Any) -> None:
        self.done.append(f"set {changes.get('strategy', 'full')}")

    def run(self, stage: str) -> None:
        self.done.append(stage)

    def clocked(self, stage: str) -> Timed:
        self.done.append(stage)
        return timed(64.0, 50.0)

    def evaluated(self) -> dict[str, bool]:
        return {"a": True, "b": True}

    def logistic(self) -> dict[str, bool]:
        return {"a": True, "b": False}

    def peer(self, train: str, **given: Any) -> Timed:
        self.done.append(f"peer {train} {given.get('seed', '')}".strip())
        return replace(timed(32.0), right=self.logistic())


class FakeRepository:
    """Experiments of half a minute."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.rates: list[float] = []

    def experiment(self, *, lr: float, **_: Any) -> tuple[float, str]:
        assert lr not in self.rates  # else DVC would take what it has
        self.rates.append(lr)
        return 30.0, "Stage 'encode' didn't change, skipping"


def test_head_is_trained_encoded_and_run_in_turn_with_the_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_rows, "Repository", FakeRepository)
    line: Any = FakeLine()
    trained, script, encoded, right = training_rows.head(line, Path("nowhere"))
    assert line.done == ["set head", *["encode", "finetune", "peer head"] * 2]
    assert (trained.ours, trained.peer, trained.times) == (20.0, 40.0, 2.0) and trained.missed
    assert (script.ours, script.peer) == (30.0, 9.0 + 19 * 2.0)
    assert (encoded.unit, encoded.times, encoded.missed) == ("samples/s", 2.0, True)
    assert (right.ours, right.peer, right.missed) == (1.0, 0.5, False)


def test_seeds_take_turns_and_their_accuracies_are_compared() -> None:
    line: Any = FakeLine()
    rows = training_rows.full(line, epochs=2, seeds=2)
    turn = ["set full", "finetune"]
    assert line.done == ["set full", "encode", *turn, "peer all 42", *turn, "peer all 43", "peer all"]
    assert [(row.what, row.times, row.missed) for row in rows] == [
        ("full", 2.0, False),
        ("full, Trainer tuned", 2.0, False),
        ("full", None, False),
        ("full", 2.0, False),
    ]
    assert rows[2].note.startswith("2 seeds, 2 epochs; difference +0.5000 (+0.0000 to +1.0000: 95 %")


def test_blocks_adapters_and_the_gpu_have_their_rows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    line: Any = FakeLine()
    assert [row.goal for row in training_rows.last_layers(line, epochs=1)] == [4, 2.5]
    assert [row.unit for row in training_rows.lora(line, epochs=1)] == ["samples/s", "peak MiB"]
    assert line.done[:5] == ["set last_layers", "encode", "finetune", "peer last:1", "finetune"]
    monkeypatch.setattr(training_gpu, "Line", FakeLine)
    monkeypatch.setattr(training_gpu.data, "run", lambda *_: None)
    speed, used = training_gpu.gpu(tmp_path / "card", "NVIDIA H200", {1})
    assert speed.note == "NVIDIA H200, batch 256, 128 tokens" and used.note.startswith("of 989 TFLOP/s; ")
    assert used.ours == pytest.approx(64 * training_gpu.flops(training_gpu.BASE) / 989e12)
    assert len(training_gpu.gpu(tmp_path / "other", "a card of tomorrow", {1})) == 1


def test_the_command_prints_its_table_and_writes_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(training, "Line", FakeLine)
    monkeypatch.setattr(training_gpu, "card", lambda: "")
    asked = ["--rows", "64", "--only", "lora,gpu", "--json", str(tmp_path / "found.json")]
    assert training.main(asked) == 0
    said = capsys.readouterr().out
    assert "64 sentences, batches of 32, threads [1]" in said and "lora (samples/s): peft with Trainer" in said
    assert "gpu: left out: torch.cuda.is_available() is false here" in said
    found = json.loads((tmp_path / "found.json").read_text())
    assert (found["rows"], found["threads"], len(found["results"])) == (64, [1], 2)
    with pytest.raises(SystemExit):
        training.main(["--only", "heads"])
