"""A line of three stages that runs in a moment, in a Git and DVC repository with remotes of both kinds beside it.

Its `python -m review` is a stand-in of a few lines: what is tested with it is what surrounds a review.
"""

import os
import shutil
from contextlib import chdir
from pathlib import Path
from unittest import mock

from tests.repository import Repository, environment
from tests.workplace import ROOT

MAKE = """
import json, math, sys
from pathlib import Path
stage = sys.argv[1]
params = dict(line.split(": ") for line in Path("params.yaml").read_text().split("\\n") if line)
def write(path, text):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text + "\\n")
if stage == "encode":
    rows = Path("data/source/rows.csv").read_text().split()
    write("data/encoded/train/rows", params["seed"] + " ".join(rows[::2]))
    write("data/encoded/test/rows", params["seed"] + " ".join(rows[1::2]))
if stage == "finetune":
    write("models/model/weights", params["lr"] + Path("data/encoded/train/rows").read_text())
    write("metrics/finetune.json", json.dumps({"epochs": 4}))
if stage == "evaluate":
    loss = abs(math.log10(float(params["lr"])) + 4) / 10
    write("metrics/evaluate.json", json.dumps({"accuracy": round(1 - loss, 4), "samples": 4}))
    write("models/predictions", Path("models/model/weights").read_text() + Path("data/encoded/test/rows").read_text())
"""
LINE = """
stages:
  encode:
    cmd: python code/make.py encode
    deps: [code, data/source/rows.csv]
    params: [seed]
    outs: [data/encoded]
  finetune:
    cmd: python code/make.py finetune
    deps: [code, data/encoded/train]
    params: [lr]
    outs: [models/model]
    metrics: [{metrics/finetune.json: {cache: false}}]
  evaluate:
    cmd: python code/make.py evaluate
    deps: [code, data/encoded/test, models/model]
    params: [lr]
    outs: [models/predictions]
    metrics: [{metrics/evaluate.json: {cache: false}}]
artifacts:
  classifier: {path: models/model, type: model}
"""
REVIEW = '''
"""A review that passes where accuracy falls by no more than 0.05."""
import json, subprocess, sys
from pathlib import Path
sides = [subprocess.run(["git", "show", f"{one}:metrics/evaluate.json"], capture_output=True) for one in sys.argv[1:3]]
if any(side.returncode for side in sides):
    sys.exit(print(f"{sys.argv[1]}: cannot be read") or 2)
base, head = (json.loads(side.stdout)["accuracy"] for side in sides)
said = f"accuracy {base} -> {head}, by @somebody"
print(said)
given = dict(zip(sys.argv[3::2], sys.argv[4::2]))
if "--markdown" in given:
    Path(given["--markdown"]).write_text(f"<!-- groundwork-review -->\\n## Review\\n\\n{said}\\n")
sys.exit(1 if head < base - 0.05 else 0)
'''
PLOTS = """
import base64
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
def write(folder, base, head):
    folder.mkdir()
    (folder / "loss.png").write_bytes(base64.b64decode(PNG))
"""
PARAMS = "lr: 1e-4\n\n\n\nseed: 42\n"


def build(top: Path) -> Repository:
    """A repository in `top/work` whose line has run, pushed to `top/origin.git` and `top/store`.

    Its branches `near` and `worse` have another lr, run and pushed, too.
    """
    line = Repository(top / "work", environment(top))
    here = line.folder
    files = {
        "code/make.py": MAKE,
        "dvc.yaml": LINE,
        "params.yaml": PARAMS,
        "data/source/rows.csv": "a b c d e f g h\n",
        ".gitignore": "/data/encoded\n/models\n__pycache__/\n",
        ".dvcignore": "__pycache__\n*.partial\n",
        ".dvc/config": "[core]\nanalytics = false\nremote = store\n['remote \"store\"']\nurl = ../../store\n",
        ".dvc/.gitignore": "/config.local\n/tmp\n/cache\n",
        "review/__main__.py": REVIEW,
        "review/plots.py": PLOTS,
        "review/sides.py": "def open_sides(base, head):\n    return base, head\n",
        "stages/__init__.py": "",
    }
    for name in (
        "__init__",
        "added_data",
        "agreement",
        "comment",
        "forge",
        "git",
        "permit",
        "pictures",
        "records",
        "register",
        "release",
    ):
        files[f"review/{name}.py"] = (ROOT / f"review/{name}.py").read_text(encoding="utf-8")
    for name in ("__init__", "runs"):
        files[f"workbench/{name}.py"] = (ROOT / f"workbench/{name}.py").read_text(encoding="utf-8")
    for name in ("__init__", "errors", "tables"):
        files[f"stages/core/{name}.py"] = (ROOT / f"stages/core/{name}.py").read_text(encoding="utf-8")
    for name, text in files.items():
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text(text.lstrip("\n"), encoding="utf-8")
    shutil.copytree(ROOT / ".ci", here / ".ci")
    line.type("git", "init", "--quiet", "--bare", "--initial-branch", "main", str(top / "origin.git"))
    line.type("git", "init", "--quiet", "--initial-branch", "main")
    line.type("git", "remote", "add", "origin", "../origin.git")
    for branch, rate in (("main", "1e-4"), ("near", "2e-4"), ("worse", "1e-1")):
        line.type("git", "checkout", "--quiet", "-B", branch)
        replace(line, "params.yaml", "1e-4", rate)
        dvc(line, "repro")
        dvc(line, "push", "--run-cache")
        line.commit()
        line.type("git", "push", "--quiet", "--set-upstream", "origin", branch)
        line.type("git", "checkout", "--quiet", "main")
    dvc(line, "checkout")
    return line


def dvc(line: Repository, *arguments: str) -> None:
    """`dvc …`, without the second that starting it takes."""
    from dvc.cli import main

    with chdir(line.folder), mock.patch.dict(os.environ, line.environment, clear=True):
        assert main([*arguments, "--quiet"]) == 0, arguments


def copy(line: Repository, top: Path) -> Repository:
    """The same in another folder, with remotes of its own."""
    shutil.copytree(line.folder.parent, top, dirs_exist_ok=True, symlinks=True)
    return Repository(top / "work", environment(top))


def clone(line: Repository, name: str) -> Repository:
    """A fresh clone beside it, without data."""
    line.type("git", "clone", "--quiet", "../origin.git", f"../{name}")
    return Repository(line.folder.parent / name, line.environment)


def replace(line: Repository, name: str, old: str, new: str) -> None:
    """Edit a file."""
    path = line.folder / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
