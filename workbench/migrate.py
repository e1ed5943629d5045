"""`make migrate`: bring a fork's own params.yaml, recipes and results to the version of the code.

It is typed after the code: `git merge upstream/main`, with whatever conflicts, then `make migrate`. What both sides
changed in params.yaml is settled value by value: a value that only one side changed is taken, one that both changed
stays as it is here and is told. Results stay those of this branch, until `dvc repro` makes them again.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from review import git
from review.params import check
from review.params_layout import lay_out
from review.params_lines import COLUMN
from stages.core import report, tables
from stages.core.errors import UserError
from stages.core.params import PATH, VERSION

RECIPES = "recipes/*.yaml"
IGNORED_BEFORE = ("/data/*", "!/data/source/", "/models/")
"""Lines of .gitignore of before version 2, which hid data under `dvc add` from DVC."""
OUTPUTS = (
    *(f"/data/{name}" for name in ("augmented", "cleaned", "encoded", "fetched", "mistakes", "sheets", "split")),
    "/data/validated",
    "/metrics/plots",
    "/models",
)
"""Lines of .gitignore of version 2."""
Content = dict[str, Any]


def to_version_2(content: Content) -> list[str]:
    """Add the keys that version 2 has; what they do, a line each."""
    review, finetune = content.get("review"), content.get("finetune")
    if not isinstance(review, dict) or not isinstance(review.get("gates"), dict) or not isinstance(finetune, dict):
        return []
    _put_first(
        finetune, "min_updates", 200, "updates at least: epochs are raised, and early stopping waits for them; 0: off"
    )
    _put_first(review, "quote_samples", False, "true: comments show texts and file names of samples")
    _put_first(review["gates"], "unverified", "fail", "fail | warn: results changed, and their outputs cannot be read")
    return [
        "finetune.min_updates: 200: short trainings get more epochs; 0: as before",
        "review.quote_samples: false: comments under pull requests show no texts and file names of samples",
        "review.gates.unverified: fail: results that changed and cannot be read fail the check",
    ]


def _put_first(block: Any, key: str, value: Any, comment: str) -> None:
    """A key that the block does not have yet, before its others; their comments stay where they are."""
    if key not in block:
        block.insert(0, key, value)
        block.yaml_add_eol_comment(comment, key, column=COLUMN)


STEPS: dict[int, Callable[[Content], list[str]]] = {1: to_version_2}
"""Version -> what brings the content of a params file from there to the next one."""


def migrate(root: Path) -> list[str]:
    """Bring everything to `VERSION`; lines that say what was changed, and what is left to do.

    Raises:
        UserError: a params file that is not YAML, or of a newer version than the code.
    """
    done = [*_params(root), *_recipes(root), *_ignored(root), *_results(root)]
    left = _conflicts(root)
    if left:
        done.append(f"Git could not merge, and these are yours to settle: {', '.join(left)}")
    again = "git add them, then " if left else ""
    step = "dvc repro --pull && git add --all && git commit: results are made again, since the code is another one"
    return [*(done or ["nothing was left to migrate"]), f"next: {again}{step}"]


def _params(root: Path) -> list[str]:
    """params.yaml, of three sides where a merge is under way."""
    sides = _sides_of_merge(root, str(PATH))
    if sides and sides[0] == sides[1]:
        return []  # this side never changed it: Git has taken the other one's
    text = sides[1] if sides else (root / PATH).read_text(encoding="utf-8")
    migrated, told = _migrated(text, str(PATH))
    if sides and sides[0] and sides[2]:
        base, theirs = (_migrated(side, str(PATH))[0] for side in (sides[0], sides[2]))
        migrated, settled = _merged(base, migrated, theirs)
        told += settled
    _write(root, str(PATH), migrated)
    return told


def _recipes(root: Path) -> list[str]:
    """The fork's own recipes; those that ship come with the code."""
    told = []
    for path in sorted(root.glob(RECIPES)):
        text = path.read_text(encoding="utf-8")
        if "\n<<<<<<< " in text:
            continue  # told among the conflicts
        migrated, lines = _migrated(text, path.relative_to(root).as_posix())
        if lines:
            _write(root, path.relative_to(root).as_posix(), migrated)
            told += lines
    return told


def _migrated(text: str, name: str) -> tuple[str, list[str]]:
    """A params file in the version of the code, laid out as DVC writes it, and what was changed in it."""
    yaml = _yaml()
    try:
        content = yaml.load(text)
    except YAMLError as error:
        raise UserError(
            f"{name}: not readable as YAML: {' '.join(str(error).split())}", "settle it, then again"
        ) from None
    if not isinstance(content, dict):
        raise UserError(f"{name}: a mapping of keys is expected", "see recipes/")
    version = content.get("version", 1)
    if not isinstance(version, int) or version > VERSION:
        raise UserError(f"{name}: version: {version}: this code reads version {VERSION}", "git merge newer code first")
    told = []
    for number in range(version, VERSION):
        told += [f"{name}: {line}" for line in STEPS[number](content)]
    if version < VERSION:
        _put_first(content, "version", VERSION, "of the layout of this file; older ones: make migrate")
        content["version"] = VERSION
        told.insert(0, f"{name}: version {version} -> {VERSION}")
    layout = lay_out(_dumped(content))
    told += [f"{name}: {remark}" for remark in layout.remarks()]
    if version == VERSION and layout.text != text and not layout.refused:
        told.append(f"{name}: laid out as DVC writes it")
    return layout.text, told


def _merged(base: str, ours: str, theirs: str) -> tuple[str, list[str]]:
    """Our text with the values that only the other side changed, and what was taken or left."""
    yaml = _yaml()
    before, mine, others = (yaml.load(text) for text in (base, ours, theirs))
    told: list[str] = []
    _take(before, mine, others, "", told)
    return (lay_out(_dumped(mine)).text if told else ours), told


ABSENT = object()


def _take(before: Any, mine: Any, others: Any, prefix: str, told: list[str]) -> None:
    for key in [*others, *(key for key in mine if key not in others)]:
        was, have, get = (
            side.get(key, ABSENT) if isinstance(side, dict) else ABSENT for side in (before, mine, others)
        )
        name = f"{prefix}{key}"
        if have == get or get == was:
            continue
        if isinstance(have, dict) and isinstance(get, dict):
            _take(was, have, get, f"{name}.", told)
        elif have == was:
            if get is ABSENT:
                del mine[key]
            else:
                mine[key] = get
            told.append(f"{PATH}: {name}: {_shown(have)} -> {_shown(get)}, as the other side has it")
        else:
            told.append(f"{PATH}: {name}: {_shown(have)} stays; the other side has {_shown(get)}")


def _shown(value: Any) -> str:
    text = "nothing" if value is ABSENT else "null" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _yaml() -> YAML:
    yaml = YAML()
    yaml.width = 10_000
    yaml.preserve_quotes = True
    return yaml


def _dumped(content: Any) -> str:
    written = StringIO()
    _yaml().dump(content, written)
    return written.getvalue()


def _write(root: Path, name: str, text: str) -> None:
    with tables.new_file(root / name) as partial:
        partial.write_text(text, encoding="utf-8")
    git.ask(root, "add", "--", name)


def _merging(root: Path) -> bool:
    return git.ask(root, "rev-parse", "--verify", "--quiet", "MERGE_HEAD") is not None


def _sides_of_merge(root: Path, path: str) -> tuple[str, str, str] | None:
    """A file where two histories parted, in this one and in the other one; None where no merge is under way."""
    if not _merging(root):
        return None
    parted = git.ask(root, "merge-base", "HEAD", "MERGE_HEAD") or ""
    base, ours, theirs = (git.ask(root, "show", f"{side}:{path}") or "" for side in (parted, "HEAD", "MERGE_HEAD"))
    return (f"{base}\n", f"{ours}\n", f"{theirs}\n") if ours else None


def _ignored(root: Path) -> list[str]:
    """.gitignore with the lines of both sides, and without those that hid what is not an output."""
    path = root / ".gitignore"
    sides = _sides_of_merge(root, ".gitignore")
    texts = [sides[2], sides[1]] if sides else [path.read_text(encoding="utf-8") if path.exists() else ""]
    lines = texts[0].splitlines()
    for text in texts[1:]:
        lines += [line for line in text.splitlines() if line and not line.startswith("#") and line not in lines]
    kept = [line for line in lines if line not in IGNORED_BEFORE]
    kept += [line for line in OUTPUTS if line not in kept and not _kept_by_folder(line, kept)]
    wanted = "\n".join(kept).rstrip("\n") + "\n"
    if path.exists() and path.read_text(encoding="utf-8") == wanted:
        return []
    _write(root, ".gitignore", wanted)
    gone = [line for line in IGNORED_BEFORE if any(line in text.splitlines() for text in texts)]
    return [f".gitignore: without {', '.join(gone)}: outputs are named one by one"] if gone else []


def _kept_by_folder(line: str, lines: Sequence[str]) -> bool:
    """Whether a folder above is among the lines, with or without a slash at its end."""
    folders = {one.rstrip("/") for one in lines}
    return any(str(folder) in folders for folder in (Path(line), *Path(line).parents))


def _results(root: Path) -> list[str]:
    """dvc.lock and metrics of this branch in a merge; what became an output of DVC is no longer in Git."""
    told = []
    if _merging(root):
        for path in ("dvc.lock", "metrics"):
            if git.ask(root, "cat-file", "-e", f"HEAD:{path}") is not None:
                git.ask(root, "checkout", "HEAD", "--", path)
        told.append("dvc.lock and metrics/: those of this branch, for now")
    tracked = git.ask(root, "ls-files", "--", *OUTPUTS_NOW) or ""
    if tracked:
        git.ask(root, "rm", "--quiet", "-r", "--cached", "--force", "--ignore-unmatch", "--", *OUTPUTS_NOW)
        told.append(
            f"no longer in Git: {', '.join(OUTPUTS_NOW)} (plots are outputs of DVC, mistakes are in data/mistakes)"
        )
    (root / OUTPUTS_NOW[1]).unlink(missing_ok=True)
    return told


OUTPUTS_NOW = ("metrics/plots", "metrics/mistakes.md")
"""What Git had before version 2."""


def _conflicts(root: Path) -> list[str]:
    listed = git.ask(root, "diff", "--name-only", "--diff-filter=U") or ""
    return listed.splitlines()


def main(arguments: Sequence[str] | None = None) -> int:
    """Migrate, and say what was done."""
    parser = argparse.ArgumentParser(
        prog="python -m workbench.migrate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args(arguments)
    try:
        for line in migrate(Path.cwd()):
            report.note(line)
        check(PATH)
    except UserError as error:
        print(f"not done yet: {error}\nNext: {error.hint}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
