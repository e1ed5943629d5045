"""`make runs`: bring the runs that others have pushed, so that `dvc repro` need not make them again.

`dvc pull --run-cache` brings the records of runs, but a stage is restored only where all its outputs can be had, and
`dvc push` sends none of those that Git keeps. These are in the history of Git, from where they are put into the cache.
"""

import hashlib
import sys
from contextlib import chdir
from pathlib import Path
from typing import Any

from review import git

METRICS = "metrics/*.json"
MOST_VERSIONS = 10_000


def bring_runs(repo: Any) -> bool:
    """Have the records of all runs at the remote, and the metrics of all commits in the cache.

    Returns:
        Whether there is a remote that can be asked.
    """
    cache_metrics(repo)
    if not repo.config["core"].get("remote"):
        return False
    try:
        repo.stage_cache.pull(None)
    except Exception as error:  # noqa: BLE001 - each kind of remote raises errors of its own
        print(f"the DVC remote cannot be asked for runs: {error}", file=sys.stderr)
        return False
    return True


def cache_metrics(repo: Any) -> int:
    """Put every metrics file of Git's history into DVC's cache; how many were not there yet."""
    cache = repo.cache.local
    added = 0
    for _, content in git.versions(Path(repo.root_dir), METRICS, most=MOST_VERSIONS):
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest()  # DVC's name of the content
        if not cache.exists(digest):
            cache.add_bytes(digest, content)
            added += 1
    return added


def main() -> int:
    """Bring them, and say what to type next."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo, lock_repo

    root = Path.cwd()
    try:
        with chdir(root), Repo() as repo, lock_repo(repo):
            asked = bring_runs(repo)
    except DvcException as error:
        print(f"DVC: {error}\nNext: cd to the folder that holds dvc.yaml", file=sys.stderr)
        return 1
    where = "at the remote and in Git" if asked else "in Git (no DVC remote could be asked)"
    print(f"runs {where} are known here; next: dvc repro --pull runs only what nobody has run")
    return 0


if __name__ == "__main__":
    sys.exit(main())
