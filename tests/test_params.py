"""params.yaml: strict, with errors that say what, where, what is allowed and what was meant."""

import json
from pathlib import Path

import jsonschema
import pytest

from review import params as review_params
from stages.core.errors import UserError
from stages.core.params import load, parse
from tests import workplace

ROOT = Path(__file__).parents[1]
RECIPES = sorted((ROOT / "recipes").glob("*.yaml"))
DEFAULT = "recipes/messages.yaml"


@pytest.fixture
def edited(tmp_path: Path):
    """A copy of params.yaml, or of a recipe, with one piece of text replaced."""

    def edit(old: str, new: str, recipe: str = DEFAULT) -> Path:
        text = workplace.text(recipe)
        assert old in text
        path = tmp_path / "params.yaml"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return path

    return edit


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("\nlr: 5e-5", "\nlrr: 5e-5", "lrr: unknown key, did you mean 'lr'?"),
        ("\nlr: 5e-5", "\nlr: fast", "lr: 'fast': should be a valid number"),
        ("\nlr: 5e-5", "\nlr: -1", "lr: -1: should be greater than 0"),
        ("\nepochs: 4", "\nepochs: 2.5", "epochs: 2.5: should be a valid integer"),
        ("\nepochs: 4", "\nepoch: 4", "epochs: missing; every value stands in params.yaml"),
        ("\nstrategy: full", "\nstrategy: fulll", "strategy: 'fulll': should be 'full'"),
        ("exact: drop", "exact: dorp", "clean.duplicates.exact: 'dorp': should be 'drop' or 'keep'"),
        ("strategy: full", "strategy: LoRA", "'lora' or 'scratch', did you mean 'lora'?"),
        ("best_by: macro_f1", "best_by: f1", "'pearson' or 'spearman', did you mean 'macro_f1'?"),
        (
            "device: auto",
            "device: GPU",
            "encode.device: 'GPU': should be 'auto', 'cpu', 'cuda' or 'mps', did you mean 'cuda'?",
        ),
        (
            "balance: largest",
            "balance: larges",
            "augment.balance: 'larges': should be 'none' or 'largest', did you mean",
        ),
        ("bounds: {accuracy:", "bounds: {F1:", "review.gates.bounds.F1, did you mean 'macro_f1'? (one of: accuracy, "),
        (
            "version: 2",
            "versoin: 2",
            "params.yaml: version: missing, as in files of before version 2; this code reads ",
        ),
        ("version: 2", "version: 3", "version: 3: this code reads version 2, and is older than the file"),
        ("train: 0.7,", "train: 0.8,", "train + validation + test must be 1, not 1.1"),
        (
            "    order:\n    - unicode\n    - html\n",
            "    order:\n    - unicode\n",
            "`order` must name each of `steps` once; see: html",
        ),
        (
            "weight_decay:",
            "weigth_decay:",
            "finetune.weigth_decay: unknown key, did you mean 'weight_decay'?",
        ),
    ],
)
def test_a_mistake_is_named_by_key_value_and_what_is_allowed(edited, old: str, new: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        load(edited(old, new))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("labels: []", "labels: [a, b]", "labels (give: [])"),
        ("value: relatedness_score", "label: relatedness_score", "fetch.columns without value"),
        (
            "missing: drop               #",
            "missing: fill               #",
            "clean.labels.missing: fill (one of: drop, keep)",
        ),
        ("balance: none", "balance: largest", "augment.balance (give: none)"),
        ("label_smoothing: 0.0", "label_smoothing: 0.1", "finetune.label_smoothing (give: 0.0)"),
        ("  loss: mse", "  loss: focal", "finetune.loss: focal (one of: mse, huber)"),
        ("  loss: mse                     # mse | huber", "  loss: huber #", None),
        (
            "best_by: pearson",
            "best_by: accuracy",
            "finetune.best_by: accuracy (one of: mse, mae, r2, pearson, spearman)",
        ),
    ],
)
def test_what_does_not_go_with_regression_is_told(tmp_path: Path, old: str, new: str, message: str | None) -> None:
    text = workplace.text("recipes/sick.yaml")
    assert old in text
    path = tmp_path / "params.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    if message is None:
        assert load(path).finetune.huber_delta == 1.0
        return
    with pytest.raises(UserError) as caught:
        load(path)
    assert str(caught.value) == f"params.yaml: task regression does not go with: {message}"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("best_by: macro_f1", "best_by: pearson", "finetune.best_by: pearson (one of: accuracy, macro_f1, log_loss)"),
        ("loss: cross_entropy", "loss: mse", "finetune.loss: mse (one of: cross_entropy, focal)"),
        ("objective: macro_f1", "objective: r2", "search.objective: r2 (one of: accuracy, macro_f1, log_loss)"),
    ],
)
def test_what_does_not_go_with_classification_is_told(edited, old: str, new: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        load(edited(old, new))
    assert str(caught.value) == f"params.yaml: task classification does not go with: {message}"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("form: NFC", "form: NFD", "clean.text.steps.unicode.form: 'NFD': should be"),
        (
            "too_long: {max_characters",
            "too_long: {max_chars",
            "validate.checks.text.too_long.max_chars: unknown key",
        ),
        ("z: 5.0", "z: -5.0", "clean.outliers.checks.length.z: -5.0: should be greater than 0"),
        ("source: files", "source: Files", "params.yaml: fetch.source: unknown name 'Files', did you mean 'files'?"),
        (
            "method: stratified",
            "method: statified",
            "params.yaml: split.method: unknown name 'statified', did you mean 'stratified'?",
        ),
    ],
)
def test_options_of_members_are_checked_against_their_signatures(edited, old: str, new: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        review_params.check(edited(old, new))
    assert message in str(caught.value)


DIGITS, SPEECH = "recipes/digits.yaml", "recipes/speech-digits.yaml"


@pytest.mark.parametrize(
    ("recipe", "changes", "message"),
    [
        (DIGITS, {"clean.image": None}, "modality image, strategy scratch: missing: clean.image"),
        (DIGITS, {"augment.image": None}, "modality image, strategy scratch: missing: augment.image"),
        (DIGITS, {"decode": None}, "modality image, strategy scratch: missing: decode"),
        (DIGITS, {"encode.processor": None}, "modality image, strategy scratch: missing: encode.processor"),
        (DIGITS, {"decode": None, "encode.processor": None}, "strategy scratch: missing: decode, encode.processor"),
        (DIGITS, {"finetune.architecture": None}, "modality image, strategy scratch: missing: finetune.architecture"),
        (DIGITS, {"modality": "audio"}, "modality audio, strategy scratch: missing: clean.audio, augment.audio"),
        (SPEECH, {"clean.audio": None}, "modality audio, strategy scratch: missing: clean.audio"),
        (DEFAULT, {"clean.text": None}, "modality text, strategy full: missing: clean.text"),
        (DEFAULT, {"augment.limits": None}, "modality text, strategy full: missing: augment.limits"),
        (DEFAULT, {"encode.max_length_tokens": None}, "strategy full: missing: encode.max_length_tokens"),
        (DEFAULT, {"modality": "image"}, "clean.image, clean.duplicates.near.max_distance_bits, augment.image, encode"),
        (DEFAULT, {"modality": "sound"}, "modality: 'sound': should be 'text', 'image' or 'audio'"),
        (DIGITS, {"decode.memory_mib": 0}, "decode.memory_mib: 0: should be greater than or equal to 1"),
        (DIGITS, {"decode.timeout_s": 0}, "decode.timeout_s: 0: should be greater than 0"),
        (
            DIGITS,
            {"clean.duplicates.near.max_distance_bits": 17},
            "max_distance_bits: 17: should be less than or equal",
        ),
    ],
)
def test_what_a_modality_needs_is_named_where_it_is_missing(
    monkeypatch: pytest.MonkeyPatch, recipe: str, changes: dict[str, object], message: str
) -> None:
    content = workplace.params(changes, recipe)
    monkeypatch.setattr("stages.core.params.parse", lambda _: content)
    with pytest.raises(UserError) as caught:
        load()
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("recipe", "near"),
    [
        (DIGITS, {"threshold": 0.7, "shingle_characters": 4, "permutations": 64}),
        (DIGITS, {}),
        (DIGITS, {"threshold": 0.7, "max_distance_bits": 4}),
        (DEFAULT, {"max_distance_bits": 4}),
        (DEFAULT, {"threshold": 0.7}),
        (DEFAULT, {}),
    ],
)
def test_near_duplicates_of_the_wrong_kind_are_refused(
    monkeypatch: pytest.MonkeyPatch, recipe: str, near: dict[str, object]
) -> None:
    content = workplace.params({"clean.duplicates.near": {"enabled": True, "action": "group", **near}}, recipe)
    monkeypatch.setattr("stages.core.params.parse", lambda _: content)
    with pytest.raises(UserError, match=r"clean\.duplicates\.near|max_distance_bits"):
        load()


@pytest.mark.parametrize(
    ("recipe", "old", "new", "message"),
    [
        (DIGITS, "max_degrees: 12", "max_degree: 12", "augment.image.steps.rotate.max_degree: unknown key"),
        (DIGITS, "min_side_px: 8", "min_side_px: -8", "validate.checks.image.too_small.min_side_px: -8: should be gr"),
        (DIGITS, "filter: bicubic", "filter: cubic", "clean.image.steps.resize.filter: 'cubic': should be"),
        (SPEECH, "top_db: 30.0", "top_db: loud", "clean.audio.steps.trim.top_db: 'loud': should be a valid number"),
        (SPEECH, "max_peak_db: -50.0", "max_peak: -50.0", "validate.checks.audio.silent.max_peak: unknown key"),
        (SPEECH, "max_s: 0.1}", "max_s: 0.1, wrap: true}", "augment.audio.steps.shift.wrap: unknown key"),
    ],
)
def test_options_of_image_and_sound_steps_are_checked_too(
    edited, recipe: str, old: str, new: str, message: str
) -> None:
    with pytest.raises(UserError) as caught:
        review_params.check(edited(old, new, recipe))
    assert message in str(caught.value)


def test_numbers_are_those_of_yaml_1_2(edited) -> None:
    assert load(edited("\nlr: 5e-5", "\nlr: 2e-05")).lr == 2e-05


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: [1, 2", "not readable as YAML"),
        ("a: 1\na: 2\n", "not readable as YAML"),
        ("- 1\n", "a mapping of keys is expected, not list"),
        ("", "a mapping of keys is expected, not NoneType"),
    ],
)
def test_what_is_no_mapping_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        parse(path)


def test_a_missing_file_names_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        load(tmp_path / "params.yaml")
    assert caught.value.hint == "make use RECIPE=messages"


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_completes_to_a_params_file(path: Path) -> None:
    review_params.check(path)


@pytest.mark.parametrize("path", [ROOT / "params.yaml", *RECIPES], ids=lambda path: path.stem)
def test_every_recipe_fits_the_schema_that_editors_use(path: Path) -> None:
    schema = json.loads(review_params.SCHEMA.read_text(encoding="utf-8"))
    jsonschema.validate(parse(path), schema, cls=jsonschema.Draft202012Validator)


def test_params_yaml_is_valid_whatever_it_holds() -> None:
    review_params.check(ROOT / "params.yaml")


def test_the_schema_file_is_what_the_code_says() -> None:
    assert json.loads(review_params.SCHEMA.read_text(encoding="utf-8")) == review_params.schema()
