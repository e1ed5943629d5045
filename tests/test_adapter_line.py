"""finetune.lora.save: what evaluate, predict and the model card make of an adapter and of a merged model."""

import contextlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from review import predict
from stages import baseline, encode, evaluate, finetune
from stages.core import tables
from stages.core.errors import UserError
from stages.split import SCHEMA
from tests import workplace
from tests.test_encode_once import GIVEN, ROWS, SPLITS

SAVES = ("merged", "adapter")


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> dict[str, Path]:
    """The folders of two runs from encode to evaluate, with the base model at a relative path."""
    found = {}
    for save in SAVES:
        folder = found[save] = tmp_path_factory.mktemp(save)
        shutil.copytree(tiny_model, folder / "base")
        changes = GIVEN | {"model": "base", "strategy": "lora", "finetune.lora.save": save}
        with workplace.working_in(folder, changes):
            workplace.put("cleaned", "samples", workplace.table(ROWS))
            workplace.put("augmented", "samples", workplace.table([]))
            ids = [row["id"] for row in ROWS]
            workplace.put("split", "assignment", pa.table([ids, SPLITS, *[[None] * len(ids)] * 2], schema=SCHEMA))
            tables.write_json("data/fetched/provenance.json", {"source": "files"})
            for stage in (baseline, encode, finetune, evaluate):
                stage.main()
    return found


def test_both_evaluate_to_the_same_probabilities(lines: dict[str, Path]) -> None:
    one, other = (pq.read_table(lines[save] / "models/predictions.parquet").to_pydict() for save in SAVES)
    assert one["id"] == other["id"] and one["prediction"] == other["prediction"]
    for name in ("probability.bad", "probability.good"):
        assert one[name] == pytest.approx(other[name], abs=1e-5)


def test_both_answer_the_same(lines: dict[str, Path]) -> None:
    found = []
    for save in SAVES:
        with contextlib.chdir(lines[save]):
            found.append(list(predict.answers(Path("models/model"), ["ab cd", "zz 3"])))
    assert found[0] == found[1] and re.fullmatch(r"(bad|good)\t0\.\d{4}\tab cd", found[0][0])


def test_the_folder_of_an_adapter_names_its_base_and_no_place(lines: dict[str, Path]) -> None:
    folder = lines["adapter"] / "models/model"
    assert {path.name for path in folder.iterdir()} >= {
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
        "base.json",
        "config.json",
        "tokenizer.json",
    }
    assert not (folder / "model.safetensors").exists()
    assert tables.read_json(folder / "adapter_config.json")["base_model_name_or_path"] == "base"
    assert tables.read_json(folder / "base.json")["model"] == "base"
    for file in folder.glob("*.json"):
        assert str(lines["adapter"].parent) not in file.read_text(encoding="utf-8")


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")  # of peft
def test_the_code_of_the_card_loads_the_model(lines: dict[str, Path]) -> None:
    from stages.strategies import adapter

    page = (lines["adapter"] / "models/model/README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    made: dict[str, Any] = {}
    with contextlib.chdir(lines["adapter"]):
        exec(code, made)
        expected = adapter.load(Path("models/model"), "AutoModelForSequenceClassification")
    given = {"input_ids": torch.tensor([[2, 5, 6, 3]]), "attention_mask": torch.ones(1, 4, dtype=torch.long)}
    with torch.inference_mode():
        found = [model.eval()(**given).logits for model in (made["model"], expected)]
    assert (found[0] - found[1]).abs().max() < 1e-5


def test_a_base_at_an_absolute_path_is_refused_beforehand(tmp_path: Path, tiny_model: Path) -> None:
    changes = {"model": str(tiny_model), "strategy": "lora", "finetune.lora.save": "adapter"}
    with workplace.working_in(tmp_path, changes), pytest.raises(UserError, match="which an absolute path does not"):
        finetune.main()
