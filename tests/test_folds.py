"""Folds and seeds through split, encode, finetune and evaluate: several models in one run, each judged on what it has
not seen."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from safetensors.torch import load_file

from stages import baseline, encode, evaluate, finetune, split
from stages.core import tables
from stages.core.errors import UserError
from stages.training import members
from tests import workplace

LABELS = ["bad", "good", "odd"]
WORDS = ["ab", "abc cde", "x" * 9, "ab cd ef gh", "q r s", "zz", "one two three", "f" * 20]
ROWS = [
    {"id": f"s{i}", "group": f"g{i // 2 if i < 24 else i}", "text": f"{w} {i}", "label": LABELS[i // 2 % 3]}
    for i, w in enumerate(WORDS * 7)
]
DERIVED = [
    {**row, "id": f"{row['id']}+{copy}", "parent": row["id"], "text": f"{row['text']} again"}
    for row in ROWS[::3]
    for copy in (0, 1)
]
FOLDS, SEEDS = 3, [5, 3]
GIVEN: dict[str, Any] = {
    "labels": LABELS, "model": "tiny", "encode.max_length_tokens": 32, "lr": 3e-3, "epochs": 2, "batch_size": 8,
    "finetune.threads": 1, "finetune.device": "cpu", "encode.device": "cpu", "evaluate.bootstrap.resamples": 20,
    "finetune.checkpoint": {"every_s": None, "keep_days": 1.0}, "split.folds": FOLDS,
}  # fmt: skip
SEVERAL = {"finetune.folds": "all", "finetune.seeds": SEEDS}
NAMES = [f"fold{fold}-seed{seed}" for fold in range(FOLDS) for seed in SEEDS]


def prepare(folder: Path, model: Path, rows: list[dict[str, Any]], derived: list[dict[str, Any]]) -> None:
    """What the stages before split would have written."""
    (folder / "tiny").symlink_to(model)
    with workplace.working_in(folder, GIVEN):
        workplace.put("cleaned", "samples", workplace.table(rows))
        workplace.put("augmented", "samples", workplace.table(derived))
        tables.write_json("data/fetched/provenance.json", {"source": "files"})


def run(folder: Path, changes: dict[str, Any], *stages: Any) -> None:
    with workplace.working_in(folder, GIVEN | changes):
        for stage in stages:
            stage.main()


def restore(threads: int) -> None:
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


@pytest.fixture(scope="module")
def seen() -> dict[str, list[str]]:
    """Ids that each member was trained on."""
    return {}


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, seen: dict[str, list[str]]) -> Iterator[Path]:
    """A folder in which six members were trained and measured."""
    folder, threads = tmp_path_factory.mktemp("folds"), torch.get_num_threads()
    prepare(folder, tiny_model, ROWS, DERIVED)
    patch = pytest.MonkeyPatch()
    original = members.train_one

    def spy(ready: Any, train: Any, *rest: Any, **named: Any) -> Any:
        seen[NAMES[len(seen)]] = train.ids
        return original(ready, train, *rest, **named)

    patch.setattr(members, "train_one", spy)
    run(folder, SEVERAL, split, baseline, encode, finetune, evaluate)
    patch.undo()
    restore(threads)
    yield folder


@pytest.fixture(autouse=True)
def _there(line: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    threads = torch.get_num_threads()
    monkeypatch.chdir(line)
    yield
    restore(threads)


def out_of_fold() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tables.read_file("models/out_of_fold.parquet").to_pylist()
    return found


def folds() -> dict[str, int | None]:
    return {row["id"]: row["fold"] for row in workplace.rows("split", "assignment")}


def test_no_member_is_trained_on_its_fold_on_what_is_derived_from_it_or_on_its_groups(
    seen: dict[str, list[str]],
) -> None:
    place, group = folds(), {row["id"]: row["group"] for row in ROWS}
    trainable = {i for i, fold in place.items() if fold is not None}
    assert any("+" in i for ids in seen.values() for i in ids)
    for name, ids in seen.items():
        fold = int(name[4])
        parents = {i.split("+")[0] for i in ids}
        assert parents == {i for i in trainable if place[i] != fold}
        assert not {group[i] for i in parents} & {group[i] for i in trainable if place[i] == fold}
        assert len(ids) == len(set(ids)) > len(parents)


def test_each_training_original_is_predicted_once_and_so_is_each_sample_of_validation() -> None:
    assigned = workplace.rows("split", "assignment")
    found = out_of_fold()
    assert list(found[0]) == ["id", "split", "fold", "gold", "prediction", *(f"probability.{name}" for name in LABELS)]
    for name in ("train", "validation"):
        own = [(row["id"], row["fold"]) for row in assigned if row["split"] == name]
        assert [(row["id"], row["fold"]) for row in found if row["split"] == name] == own
    assert {row["split"] for row in found} == {"train", "validation"}
    labels = {row["id"]: row["label"] for row in ROWS}
    for row in found:
        probabilities = [row[f"probability.{name}"] for name in LABELS]
        assert row["gold"] == labels[row["id"]]
        assert sum(probabilities) == pytest.approx(1) and row["prediction"] == LABELS[int(np.argmax(probabilities))]


def test_the_predictions_are_those_of_the_saved_members_that_left_the_sample_out() -> None:
    texts = {row["id"]: row["text"] for row in ROWS}
    listed = {one["name"]: one["path"] for one in tables.read_json("models/members/members.json")["members"]}
    for row in out_of_fold():
        judges = [name for name in NAMES if row["split"] == "validation" or name.startswith(f"fold{row['fold']}-")]
        assert len(judges) == (len(SEEDS) if row["split"] == "train" else len(NAMES))
        expected = np.mean([probabilities(listed[name], texts[row["id"]]) for name in judges], axis=0)
        assert [row[f"probability.{name}"] for name in LABELS] == pytest.approx(expected, abs=1e-6)


LOADED: dict[str, Any] = {}


def probabilities(folder: str, text: str) -> Any:
    """What a member answers, loaded as a user would; its processor stands in models/model."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    if folder not in LOADED:
        LOADED[folder] = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer: Any = AutoTokenizer.from_pretrained("models/model")
    with torch.no_grad():
        logits = LOADED[folder](**tokenizer(text, return_tensors="pt", truncation=True, max_length=32)).logits
    return torch.softmax(logits.double(), dim=1)[0].tolist()


def test_the_member_that_is_best_on_validation_is_saved_and_the_others_are_kept() -> None:
    metrics = tables.read_json("metrics/finetune.json")
    scores = [metrics["members"][name]["validation"]["macro_f1"] for name in NAMES]
    best = NAMES[int(np.argmax(scores))]
    assert list(metrics["members"]) == NAMES and metrics["saved"] == best
    assert metrics["validation"] == metrics["members"][best]["validation"]
    assert metrics["samples"]["train"] == metrics["members"][best]["train"]
    listed = tables.read_json("models/members/members.json")["members"]
    assert [one["name"] for one in listed] == NAMES
    assert [(one["fold"], one["seed"]) for one in listed] == [(fold, seed) for fold in range(FOLDS) for seed in SEEDS]
    assert [one["path"] for one in listed if one["name"] == best] == ["models/model"]
    others = sorted(name for name in NAMES if name != best)
    assert sorted(path.name for path in Path("models/members").iterdir()) == [*others, "members.json"]
    for name in others:
        assert sorted(path.name for path in Path("models/members", name).iterdir()) == [
            "config.json",
            "model.safetensors",
        ]
    assert Path("models/model/tokenizer.json").exists() and not list(Path("models").glob("*.partial"))


def test_mean_and_deviation_are_those_of_numpy_over_the_members() -> None:
    of_training, of_test = (tables.read_json(f"metrics/{name}.json") for name in ("finetune", "evaluate"))
    columns = [(of_training, [of_training["members"][name]["validation"] for name in NAMES])]
    columns.append((of_test, [of_test["members"][name] for name in NAMES]))
    for metrics, rows in columns:
        for name in ("accuracy", "macro_f1", "log_loss"):
            values = [row[name] for row in rows]
            assert metrics["mean"][name] == pytest.approx(np.mean(values), abs=1e-6)
            assert metrics["deviation"][name] == pytest.approx(np.std(values, ddof=1), abs=1e-6)
    assert of_test["deviation"]["log_loss"] > 0


def test_evaluate_measures_every_member_on_test_and_the_training_samples_out_of_fold() -> None:
    metrics, saved = tables.read_json("metrics/evaluate.json"), tables.read_json("metrics/finetune.json")["saved"]
    assert list(metrics["members"]) == NAMES
    assert metrics["members"][saved] == {name: metrics[name] for name in metrics["members"][saved]}
    predictions = tables.read_file("models/predictions.parquet")
    right = np.mean([row["gold"] == row["prediction"] for row in predictions.to_pylist()])
    assert metrics["accuracy"] == pytest.approx(right, abs=1e-6)
    train = [row for row in out_of_fold() if row["split"] == "train"]
    found = metrics["out_of_fold"]
    right = np.mean([row["gold"] == row["prediction"] for row in train])
    assert found["samples"] == len(train) and found["accuracy"] == pytest.approx(right, abs=1e-6)
    assert found["interval"]["accuracy"]["low"] <= found["accuracy"] <= found["interval"]["accuracy"]["high"]
    assert "per_class" not in found


def scalars(content: Any) -> Iterator[Any]:
    for value in content.values():
        yield from scalars(value) if isinstance(value, dict) else [value]


def test_metrics_hold_nothing_but_nested_scalars() -> None:
    for name in ("finetune", "evaluate"):
        metrics = {key: value for key, value in tables.read_json(f"metrics/{name}.json").items() if key != "warnings"}
        assert all(isinstance(value, int | float | str) for value in scalars(metrics))


def test_the_curves_of_all_members_are_told_apart_by_a_column() -> None:
    rows = Path("metrics/plots/finetune/loss.csv").read_text().splitlines()
    assert rows[0] == '"epoch","series","loss","member"'
    assert [row.split(",")[-1] for row in rows[1:]] == [f'"{name}"' for name in NAMES for _ in range(2 * 2)]
    steps = Path("metrics/plots/finetune/steps.csv").read_text().splitlines()
    assert len(steps) == 1 + tables.read_json("metrics/finetune.json")["steps"]


def weights(folder: str) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = load_file(Path(folder) / "model.safetensors")
    return found


@pytest.mark.parametrize("strategy", ["head", "last_layers"])
def test_members_share_what_was_encoded_once(line: Path, tmp_path: Path, strategy: str) -> None:
    shutil.copytree(line, tmp_path / "line", symlinks=True)
    run(tmp_path / "line", {"finetune.folds": "all", "strategy": strategy, "epochs": 1}, encode, finetune)
    assert tables.read_json(tmp_path / "line/data/encoded/meta.json")["cut"]["cached"] is True
    table = tables.read_file(tmp_path / "line/models/out_of_fold.parquet").to_pylist()
    assert [row["id"] for row in table] == [row["id"] for row in out_of_fold()]


def test_a_member_does_not_depend_on_the_others(line: Path, tmp_path: Path) -> None:
    shutil.copytree(line, tmp_path / "line", symlinks=True)
    run(tmp_path / "line", {"finetune.folds": "all", "finetune.seeds": [3]}, finetune)
    before = {one["name"]: one["path"] for one in tables.read_json("models/members/members.json")["members"]}
    for listed in tables.read_json(tmp_path / "line/models/members/members.json")["members"]:
        found, expected = weights(str(tmp_path / "line" / listed["path"])), weights(before[listed["name"]])
        assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_seeds_alone_repeat_the_training_on_all_samples(line: Path, tmp_path: Path) -> None:
    folder = tmp_path / "line"
    shutil.copytree(line, folder, symlinks=True)
    run(folder, {"finetune.seeds": [42, 7], "epochs": 1}, finetune, evaluate)
    metrics = tables.read_json(folder / "metrics/evaluate.json")
    assert list(metrics["members"]) == ["seed42", "seed7"] and "out_of_fold" not in metrics
    listed = {one["name"]: one["path"] for one in tables.read_json(folder / "models/members/members.json")["members"]}
    of_42 = weights(str(folder / listed["seed42"]))
    empty = tables.read_file(folder / "models/out_of_fold.parquet")
    assert len(empty) == 0 and empty.schema == tables.read_file("models/out_of_fold.parquet").schema
    run(folder, {"finetune.seeds": [], "epochs": 1}, finetune)  # as params.yaml has it: seed 42
    ordinary = weights(str(folder / "models/model"))
    assert all(torch.equal(ordinary[name], of_42[name]) for name in ordinary)
    assert json.loads((folder / "models/members/members.json").read_text()) == {"members": []}
    assert {path.name for path in (folder / "models/members").iterdir()} == {"members.json"}
    run(folder, {"finetune.seeds": [7], "epochs": 1}, finetune, evaluate)  # one training is no comparison
    assert "members" not in tables.read_json(folder / "metrics/evaluate.json")
    assert "mean" not in tables.read_json(folder / "metrics/finetune.json")


def test_each_member_is_announced_and_a_table_compares_them(
    line: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(line, tmp_path / "line", symlinks=True)
    capsys.readouterr()
    run(tmp_path / "line", {"finetune.folds": "all", "epochs": 1}, finetune, evaluate)
    told = capsys.readouterr().out
    sizes = [sum(fold == number for fold in folds().values()) for number in range(FOLDS)]
    for number, size in enumerate(sizes):
        assert f"fold{number}-seed42 ({number + 1} of 3): " in told and f", {size} left out\n" in told
    assert told.count("mean ± deviation") == 2 and "3 members, on validation; saved: fold" in told
    assert f"Out of fold: {sum(sizes)} training samples" in told


def test_folds_need_a_split_that_has_them(line: Path) -> None:
    with pytest.raises(UserError, match=r"finetune.folds: all needs split.folds of 2 or more, and it is 0"):
        run(line, {"finetune.folds": "all", "split.folds": 0}, finetune)
    with pytest.raises(UserError, match=r"each seed once, not twice: 3"):
        run(line, {"finetune.seeds": [3, 1, 3]}, finetune)


def test_data_that_was_encoded_without_folds_is_told(line: Path, tmp_path: Path) -> None:
    shutil.copytree(line, tmp_path / "line", symlinks=True)
    run(tmp_path / "line", {"split.folds": 0}, split, encode)
    with pytest.raises(UserError, match="the samples in data/encoded/train have no folds"):
        run(tmp_path / "line", {"finetune.folds": "all"}, finetune)


def test_a_class_that_one_fold_alone_has_is_told(tmp_path: Path, tiny_model: Path) -> None:
    rows = [{**row, "group": "rare", "split": "train"} if row["label"] == "odd" else row for row in ROWS]
    prepare(tmp_path, tiny_model, rows, [])
    run(tmp_path, SEVERAL, split, encode)
    with pytest.raises(
        UserError, match=r"finetune.folds: all: outside of fold \d there is no sample of: odd"
    ) as caught:
        run(tmp_path, SEVERAL, finetune)
    assert caught.value.hint.startswith("fewer split.folds")
    assert not (tmp_path / "models").exists()


def test_a_split_that_the_source_declares_has_folds_in_its_training_samples(tmp_path: Path, tiny_model: Path) -> None:
    declared = [{**row, "split": ["train", "train", "validation", "test"][i // 2 % 4]} for i, row in enumerate(ROWS)]
    prepare(tmp_path, tiny_model, declared, [])
    run(tmp_path, {"finetune.folds": "all", "epochs": 1}, split, encode, finetune)
    train = [row["id"] for row in declared if row["split"] == "train"]
    found = tables.read_file(tmp_path / "models/out_of_fold.parquet").to_pylist()
    assert sorted(row["id"] for row in found if row["split"] == "train") == sorted(train)


def test_values_are_predicted_out_of_fold_and_standardised_without_it(tmp_path: Path, tiny_model: Path) -> None:
    valued = [{**row, "label": None, "label_source": "gold", "value": 100.0 + i} for i, row in enumerate(ROWS)]
    prepare(tmp_path, tiny_model, valued, [])
    changes = {
        "task": "regression", "labels": [], "fetch.columns": {"text": "a", "value": "b"}, "augment.balance": "none",
        "finetune.best_by": "mae", "finetune.loss": "mse", "finetune.folds": "all", "epochs": 1,
        "search.objective": "mae", "review.gates.bounds": {}, "review.gates.drops": {}, "review.gates.slices": {},
        "review.gates.data.min_class_share": None,
    }  # fmt: skip
    means = []
    patch = pytest.MonkeyPatch()
    original = members.make_ready

    def spy(plan: Any, train: Any, seed: int) -> Any:
        means.append((plan.task.mean, train.labels.mean()))
        return original(plan, train, seed)

    patch.setattr(members, "make_ready", spy)
    run(tmp_path, changes, split, baseline, encode, finetune, evaluate)
    patch.undo()
    assert [one for one, _ in means] == pytest.approx([other for _, other in means]) and len(means) == FOLDS
    found = tables.read_file(tmp_path / "models/out_of_fold.parquet")
    assert found.column_names == ["id", "split", "fold", "gold", "prediction"]
    assert found.schema.field("prediction").type == pa.float64()
    metrics = tables.read_json(tmp_path / "metrics/evaluate.json")
    train = [row for row in found.to_pylist() if row["split"] == "train"]
    error = np.mean([abs(row["gold"] - row["prediction"]) for row in train])
    assert metrics["out_of_fold"]["mae"] == pytest.approx(error, abs=1e-5)
    assert metrics["deviation"]["mae"] == pytest.approx(
        np.std([one["mae"] for one in metrics["members"].values()], ddof=1), abs=1e-5
    )
