"""A checkout with `core.autocrlf`, as Git for Windows sets it up, has the bytes that were committed."""

import subprocess
from pathlib import Path

from tests.workplace import ROOT

KEPT = ["params.yaml", "dvc.yaml", "stages/fetch.py", "stages/augmenters/synonyms.txt", "data/source/messages.csv"]


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def test_no_line_end_is_converted(tmp_path: Path) -> None:
    made, clone = tmp_path / "made", tmp_path / "clone"
    for name in [".gitattributes", *KEPT]:
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_bytes((ROOT / name).read_bytes())
    (made / "data/source/windows.csv").write_bytes(b"a,b\r\n1,2\r\n")
    git(made, "init", "--quiet")
    git(made, "add", "--all")
    git(made, "commit", "--quiet", "--message", "x")
    git(tmp_path, "clone", "--quiet", "--config", "core.autocrlf=true", str(made), str(clone))
    for name in [*KEPT, "data/source/windows.csv"]:
        assert (clone / name).read_bytes() == (made / name).read_bytes(), name
    assert git(clone, "status", "--porcelain") == ""
