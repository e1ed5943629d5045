"""Runs on record: DVC's run cache tells which outputs a stage gave from which deps and params.

A dvc.lock that was merged by hand can look whole, hash by hash, and still claim a run that nobody made. Where the
remote keeps records (`dvc push --run-cache`), such a claim is found without running anything.
"""

import copy
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

RUNS = "runs"


def off_record(repo: Any, lock: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Sentences with a place for stages, and stages of dvc.lock that no record tells of; none where none are kept.

    Records of this machine count as those at the remote do; whether records are expected at all the remote decides.
    """
    stores = list(_stores(repo))
    if not lock or not _keeps_records(stores):
        return []
    found = []
    for name, entry in lock.items():
        if not entry.get("deps"):
            continue  # DVC keeps no record of a stage without deps
        key, value = _digest({**entry, "outs": [out["path"] for out in entry.get("outs", [])]}), _digest(entry)
        folders = [(fs, fs.join(path, RUNS, key[:2], key)) for fs, path, _ in stores]
        if any(fs.exists(fs.join(folder, value)) for fs, folder in folders):
            continue
        if any(fs.exists(folder) for fs, folder in folders):
            found.append(("runs of {} on record gave other outputs than dvc.lock has, from the same deps", name))
        else:
            found.append(("no run of {} with what dvc.lock names is on record: dvc push --run-cache sends it", name))
    return found


def _keeps_records(stores: list[tuple[Any, str, bool]]) -> bool:
    """Whether the remote has any; told where it cannot be asked: what it would prove is then "not verified"."""
    for fs, path, remote in stores:
        if not remote:
            continue
        try:
            if fs.exists(fs.join(path, RUNS)):
                return True
        except Exception as error:  # noqa: BLE001 - each kind of remote raises errors of its own
            print(f"records of runs cannot be read at the remote: {error}", file=sys.stderr)
    return False


def _digest(entry: Mapping[str, Any]) -> str:
    """The name under which DVC files a run."""
    from dvc.utils import dict_sha256

    return str(dict_sha256(copy.deepcopy(dict(entry)), exclude=["size", "nfiles"]))


def _stores(repo: Any) -> Iterator[tuple[Any, str, bool]]:
    """File system and path of what may hold records, and whether it is the remote."""
    from dvc.exceptions import DvcException

    places: tuple[tuple[Callable[[], Any], bool], ...] = (
        (lambda: repo.cache.legacy, False),
        (lambda: repo.cloud.get_remote_odb(hash_name="md5-dos2unix"), True),
    )
    for place, remote in places:
        try:
            odb = place()
        except DvcException:
            continue  # no remote, or one that keeps no records
        if odb.fs.protocol not in ("http", "https"):  # DVC keeps no records there
            yield odb.fs, odb.path, remote
