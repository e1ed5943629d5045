"""benchmarks/strategies.py without its trainings: what is set, read, shown and judged."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from benchmarks import strategies
from benchmarks.strategies import FLOORS, STRATEGIES, Learnt, cells, learnt, missed
from benchmarks.training_line import params
from stages.core import report, tables
from stages.core.params import load

FULL = Learnt("full", 22_713_986, 0.891, 0.877, 0.905, 3, 2.5, 340.0, 331.5, 1240.4)


class FakeLine:
    """Stages that leave what they would."""

    source = "SST-2 sentences"

    def __init__(self, folder: Path, rows: int = 0) -> None:
        self.folder, self.rows, self.ran = folder, rows, list[str]()
        self.given: dict[str, Any] = {}

    def set(self, **changes: Any) -> None:
        self.given = changes

    def run(self, stage: str) -> None:
        self.ran.append(stage)
        interval = {"accuracy": {"low": FULL.low, "high": FULL.high}}
        written = {
            "encode": {},
            "finetune": {"parameters": {"trainable": FULL.trainable}, "best_epoch": FULL.best_epoch},
            "evaluate": {"accuracy": FULL.accuracy, "interval": interval},
        }
        spent = {
            "encode": {"seconds": FULL.encode_s, "peak_memory_mib": 900.0},
            "finetune": {
                "seconds": FULL.finetune_s,
                "peak_memory_mib": FULL.peak_mib,
                "training_seconds": FULL.training_s,
            },
            "evaluate": {},
        }
        tables.write_json(self.folder / f"metrics/{stage}.json", written[stage])
        tables.write_json(self.folder / report.RUNTIME / f"{stage}.json", spent[stage])


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_params_of_each_strategy_are_valid(tmp_path: Path, name: str) -> None:
    changes = {key.replace("__", "."): value for key, value in STRATEGIES[name].items()}
    YAML().dump(params(changes), tmp_path / "params.yaml")
    assert load(tmp_path / "params.yaml").strategy == STRATEGIES[name]["strategy"]


def test_a_strategy_is_encoded_trained_evaluated_and_read(tmp_path: Path) -> None:
    line: Any = FakeLine(tmp_path)
    assert learnt(line, "full", STRATEGIES["full"]) == FULL
    assert line.ran == ["encode", "finetune", "evaluate"]
    assert line.given == {"batch_size": 16, **STRATEGIES["full"]}


def test_a_row_has_the_figures_of_the_readme() -> None:
    found = ["full", "22,713,986", "0.891 (0.877 - 0.905)", "3 of 4", "2", "340", "332", "1,240"]
    assert cells(FULL) == found


def test_floors_are_judged() -> None:
    low = replace(FULL, accuracy=0.8799)
    assert missed([FULL, replace(FULL, name="lora", accuracy=0.1), replace(FULL, name="head", accuracy=0.8)]) == []
    assert missed([low]) == [f"full: accuracy 0.8799, less than {FLOORS['full']}"]


def test_the_command_ends_with_1_below_a_floor_at_full_size_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(strategies, "Line", lambda _, rows: FakeLine(tmp_path, rows))
    monkeypatch.setattr(strategies, "FLOORS", {"full": 0.95})
    output = tmp_path / "found.json"
    assert strategies.main(["--only", "full", "--json", str(output)]) == 1
    assert tables.read_json(output)["results"][0]["accuracy"] == FULL.accuracy
    assert strategies.main(["--only", "full; lora", "--rows", "100"]) == 0
    with pytest.raises(SystemExit):
        strategies.main(["--only", "ful"])
