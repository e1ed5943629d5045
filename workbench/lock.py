"""`make lock`: write .ci/constraints.txt anew, the versions that every environment of the project gets.

pip resolves what pyproject.toml asks for, without installing it: the newest versions within the bounds.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from stages.core.errors import UserError

CONSTRAINTS = Path(".ci/constraints.txt")
HEADER = """\
# The versions that make install and CI take, of everything that is installed: pip --constraint, no addresses.
# `make lock` writes this file, by the bounds of pyproject.toml; commit it after `make install` and `make test`.
# The libraries that a CUDA build of torch brings follow from torch's own pins; they are left out.
"""
CUDA = re.compile(r"nvidia-(?!ml-py$)|cuda-|triton$")
INSTALLERS = {"pip", "setuptools", "wheel"}


def format_constraints(distributions: Iterable[tuple[str, str]]) -> str:
    """Format the constraints file.

    Args:
        distributions: names and versions. Local parts of versions (`+cpu`) are dropped, so that a pin of torch fits
            every build of it, and so are the libraries of CUDA and the tools that install.
    """
    versions = {normalize_name(name): version.partition("+")[0] for name, version in distributions}
    names = sorted(name for name in versions if name not in INSTALLERS and not CUDA.match(name))
    return HEADER + "".join(f"{name}=={versions[name]}\n" for name in names)


def normalize_name(name: str) -> str:
    """Spell the name of a distribution as indexes do: `ruamel.yaml` and `Ruamel_YAML` are `ruamel-yaml`."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_report(report: dict[str, Any]) -> list[tuple[str, str]]:
    """Read names and versions from pip's installation report; the project itself, a local folder, is left out."""
    indexed = [item for item in report["install"] if "dir_info" not in item["download_info"]]
    return [(item["metadata"]["name"], item["metadata"]["version"]) for item in indexed]


def resolve(root: Path) -> list[tuple[str, str]]:
    """Let pip choose versions for pyproject.toml with its extra `dev`, whatever is installed.

    Raises:
        UserError: no set of versions fits, or no index can be reached.
    """
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--report", "-"]
    done = subprocess.run([*command, "--editable", ".[dev]"], cwd=root, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise UserError("pip finds no versions that fit pyproject.toml", "see what pip says above")
    return read_report(json.loads(done.stdout))


def main() -> int:
    """Resolve, write, and say what to do next."""
    try:
        distributions = resolve(Path.cwd())
    except UserError as error:
        print(f"{error}\nNext: {error.hint}", file=sys.stderr)
        return 1
    CONSTRAINTS.write_text(format_constraints(distributions), encoding="utf-8")
    print(f"{CONSTRAINTS}: {len(distributions)} distributions; next: git diff {CONSTRAINTS}, make install, make test")
    return 0


if __name__ == "__main__":
    sys.exit(main())
