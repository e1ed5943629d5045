"""The documents against the code: examples that work, codes and columns that exist, paths that are there."""

import ast
import csv
import re
import sys
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from ruamel.yaml import YAML

from review.recipes import complete
from stages import cleaners
from stages.checks import CHECKS
from stages.cleaners.sounds import REPAIR
from stages.core.errors import UserError
from stages.core.registry import build
from stages.core.samples import SCHEMA

ROOT = Path(__file__).parents[1]
CARD = ROOT / "data/source/README.md"
DOCS = [path for path in (ROOT / "README.md", CARD, *sorted((ROOT / "docs").glob("*.md"))) if path.exists()]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FOLDERS = "stages|review|workbench|benchmarks|tests|docs|recipes|metrics|data|models|\\.ci|\\.github"
FILES = "params.yaml|dvc.yaml|dvc.lock|pyproject.toml|Makefile|LICENSE|.dvcignore|.gitignore"
PATH = re.compile(rf"(?<![\w./{{-])(?:(?:{FOLDERS})/[\w./*-]*|(?:{FILES.replace('.', chr(92) + '.')})(?![\w/]))")
FAMILIES = ("audio", "augment", "duplicate", "image", "label", "outlier", "row", "split", "text", "value")
CODE = re.compile(rf"(?:{'|'.join(FAMILIES)})\.[a-z_]+")
STEPS = {
    "text": cleaners.TEXT,
    "image": cleaners.IMAGE,
    "audio": [*cleaners.AUDIO, REPAIR],
    "outlier": cleaners.OUTLIERS,
}


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def blocks(path: Path, language: str) -> list[str]:
    return [content for name, content in FENCE.findall(read(path)) if name == language]


@cache
def outputs() -> list[str]:
    """Paths that the stages write, whether they have run or not."""
    stages = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"].values()
    listed = [out for stage in stages for out in [*stage["outs"], *stage["metrics"]]]
    return [out if isinstance(out, str) else next(iter(out)) for out in listed]


def is_there(path: str) -> bool:
    path = path.rstrip("/.")
    written = any(f"{path}/".startswith(f"{out}/") or out.startswith(f"{path}/") for out in outputs())
    written = written or any(fnmatch(out, path) for out in outputs())
    return written or (any(ROOT.glob(path)) if "*" in path else (ROOT / path).exists())


def paths(text: str) -> Iterator[str]:
    """Paths in running text, commands and trees; Python and YAML hold files that a reader is to make."""
    plain = FENCE.sub(lambda found: "" if found[1] in ("python", "yaml") else found[2], text)
    own = tuple(re.findall(r"dvc add (\S+)", plain))  # data of the reader's
    yield from (found[0] for found in PATH.finditer(plain) if not (own and found[0].startswith(own)))
    for module in re.findall(r"python -m ((?:stages|review|workbench|benchmarks)\.[\w.]+)", plain):
        yield module.rstrip(".").replace(".", "/") + ".py"
    for language, content in FENCE.findall(text):
        if not language and "\nstages/ " in content:
            yield from tree(content)


def tree(content: str) -> Iterator[str]:
    """Paths of an indented tree: names first, then two spaces or more and what they are."""
    folder = ""
    for line in filter(str.strip, content.splitlines()):
        names = re.split(r"  +", line.strip())[0].split()
        if not line.startswith(" "):
            folder = names[0] if names[0].endswith("/") else ""
        yield from (name if not line.startswith(" ") else folder + name for name in names)


def codes() -> set[str]:
    """Every reason code that the stages can give."""
    trees = [ast.parse(read(path)) for path in ROOT.glob("stages/**/*.py")]
    texts = (node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant))
    named = {text for text in texts if isinstance(text, str) and CODE.fullmatch(text)}
    recipes = [complete(path) for path in ROOT.glob("recipes/*.yaml")]
    keys = {f"{family}.{key}" for params in recipes for family in FAMILIES for key in params.get(family, {})}
    return named - keys | set(CHECKS) | {f"{family}.{name}" for family, names in STEPS.items() for name in names}


def rows(text: str, header: str) -> list[list[str]]:
    """The cells of the table whose header line starts with `header`."""
    after = text.split(f"\n{header}", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in after]


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The files of the example in docs/extending.md, by path, the first of them importable."""
    files = {}
    for block in blocks(ROOT / "docs/extending.md", "python"):
        if found := re.match(r"# (\S+\.py)\n", block):
            files[found[1]] = block
    module = ModuleType("stages.cleaners.orders")
    exec(files["stages/cleaners/orders.py"], module.__dict__)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return files


@pytest.mark.usefixtures("example")
def test_the_example_is_built_through_a_registry_from_its_value_in_params() -> None:
    path = ROOT / "docs/extending.md"
    line = next(block for block in blocks(path, "python") if block.startswith('"order_numbers"'))
    registry = ast.literal_eval("{" + line + "}")
    options = YAML(typ="safe").load(blocks(path, "yaml")[0])["order_numbers"]
    assert options.pop("enabled") is True
    clean = build(registry, "order_numbers", options, "clean.text.steps.order_numbers")
    assert clean("ORD-12345 is late, #123 is not") == "[ORDER] is late, #123 is not"
    with pytest.raises(UserError, match=r"clean\.text\.steps\.order_numbers\.min_digits: 0: should be greater than or"):
        build(registry, "order_numbers", {**options, "min_digits": 0}, "clean.text.steps.order_numbers")
    with pytest.raises(UserError, match=r"replacement: 'no\. #9999' would itself be replaced"):
        build(registry, "order_numbers", {**options, "replacement": "no. #9999"}, "clean.text.steps.order_numbers")


def test_the_test_of_the_example_passes(example: dict[str, str]) -> None:
    written: dict[str, object] = {}
    exec(example["tests/cleaners/test_order_numbers.py"], written)
    tests = [value for name, value in written.items() if name.startswith("test_") and callable(value)]
    assert len(tests) == 1
    tests[0]()


def test_the_reason_codes_of_the_code_are_those_of_the_documents() -> None:
    section = read(ROOT / "docs/samples.md").split("## Reason codes", 1)[1]
    assert set(re.findall(rf"`({CODE.pattern})`", section)) == codes()


def test_the_columns_of_a_sample_are_those_of_the_documents() -> None:
    assert [row[0] for row in rows(read(ROOT / "docs/samples.md"), "| column |")] == SCHEMA.names


def test_the_documents_name_all_that_each_stage_reads_and_writes() -> None:
    stages = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]
    table = {row[0]: row for row in rows(read(ROOT / "docs/samples.md"), "| stage | reads | writes |")}
    assert list(table) == list(stages)
    for name, stage in stages.items():
        read_by = {dep for dep in stage["deps"] if dep.startswith(("data/", "models/"))}
        written = {out if isinstance(out, str) else next(iter(out)) for out in stage["outs"]}
        assert set(PATH.findall(table[name][1])) == read_by
        assert set(PATH.findall(table[name][2])) == written
        assert table[name][3] == next(iter(stage["metrics"][0]))


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_path_that_a_document_names_is_there(path: Path) -> None:
    assert [name for name in paths(read(path)) if not is_there(name)] == []


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", read(path)) if "://" not in link]
    assert [link for link in links if link and not (path.parent / link).exists()] == []


def test_the_data_card_counts_what_is_in_the_files() -> None:
    card = read(CARD)
    with (ROOT / "data/source/messages.csv").open(encoding="utf-8", newline="") as file:
        messages = list(csv.DictReader(file))
    with (ROOT / "data/source/faults.csv").open(encoding="utf-8", newline="") as file:
        faults = Counter(row["fault"] for row in csv.DictReader(file))
    labels = Counter(message["sentiment"] for message in messages)
    shown = {row[0]: int(row[1]) for row in rows(card, "| label as it stands |")}
    assert {row[0]: int(row[1]) for row in rows(card, "| fault |")} == faults
    assert {label: shown[label] for label in ("negative", "neutral", "positive")} == {
        label: labels[label] for label in ("negative", "neutral", "positive")
    }
    assert sum(shown.values()) == len(messages)
    assert f"{len(messages):,} short messages" in card
    assert f"{faults.total()} rows carry one planted fault" in card
    assert f"{len({message['message'] for message in messages})} different ones" in card
    assert f"a handle; {len({message['author'] for message in messages})} of them" in card
    assert f"{messages[0]['date']} to {messages[-1]['date']}" in card
