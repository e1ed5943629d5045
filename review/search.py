"""`python -m review.search`, or `make search`: try values of params.yaml, each trial an experiment of DVC.

What is tried, and how it is judged, stands in the block `search` of params.yaml. A search that was interrupted goes
on where it was; `--new` begins anew. It reads validation scores alone: the test set stays for the values you choose.
"""

import argparse
import fcntl
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from review.params import accept
from review.trials import copies, outcome, process, screen, space
from review.trials import study as studies
from review.trials.loop import Loop
from stages.core import parallel, report, tables
from stages.core.errors import UserError
from stages.core.params import Params, checked, parse
from stages.core.registry import member
from stages.tasks import TASKS

if TYPE_CHECKING:
    from optuna import Study

DVC = [sys.executable, "-m", "dvc"]
SHOWN = 5
"""Names of files in a line."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m review.search", description=__doc__)
    parser.add_argument("--new", action="store_true", help="begin anew, in place of going on; what was is kept")
    given = parser.parse_args()
    content = parse()
    params = checked(content)
    found = space.dimensions(content, params.search.space)
    space.check(content, found, accept)
    if params.search.sampler == "grid":
        space.grid(found)
    root = Path.cwd()
    for asked in (signal.SIGINT, signal.SIGTERM):  # as Ctrl-C, even in the background of a script: stop, show, end
        signal.signal(asked, signal.default_int_handler)
    with alone(root / studies.HOME):
        cache = made_ready(root, params, found)
        search(root, content, params, found, cache, new=given.new)


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """One search at a time in a repository.

    Raises:
        UserError: another one runs.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError("another search runs in this repository", "wait for it, or stop it with Ctrl-C") from None
        yield


def made_ready(root: Path, params: Params, found: Sequence[space.Dimension]) -> str:
    """Bring up to date what trials share; where DVC's cache is.

    Raises:
        UserError: no repository with a commit, a model that the copies will not have, or `dvc repro encode` fails.
    """
    copies.snapshot(root, "")
    models = [params.model, *(value for one in found if one.key == "model" for value in one.extremes())]
    for model in models:
        if (root / model).exists() and not Path(model).is_absolute() and not copies.tracked(root, model):
            raise UserError(
                f"params.yaml: model: {model}: Git does not track it, and trials run in copies of the repository",
                f"give it as {root / model}, or git add it",
            )
    for told, files in copies.changes(root).items():
        if files:
            more = f" and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
            report.note(f"{told}: {', '.join(files[:SHOWN])}{more}")
    report.note("first what all trials share: dvc repro encode")
    if subprocess.run([*DVC, "repro", "encode"], cwd=root, check=False).returncode:
        raise UserError("dvc repro encode failed", "put right what it says above, then search again")
    done = subprocess.run([*DVC, "cache", "dir"], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def search(
    root: Path, content: dict[str, Any], params: Params, found: list[space.Dimension], cache: str, *, new: bool
) -> None:
    """Run the trials that are left, and show what came of all of them."""
    wanted, home = params.search, root / studies.HOME
    higher = member(TASKS, params.task, "task").best_by[wanted.objective]  # type: ignore[attr-defined]
    name = studies.name_of(studies.key_of(content, wanted, root), home, new=new)
    study = studies.opened(home / name, higher=higher)
    begin(study, space.current(content, found), found)
    longest = longest_trial(content, found, samples=tables.rows("data/encoded/train", "inputs"))
    study.pruner = studies.pruner_of(wanted.pruner, startup_trials=wanted.startup_trials, epochs=longest)
    keys = [one.key for one in found]
    with screen.Screen(study, objective=wanted.objective, keys=keys, trials=wanted.trials) as seen:
        loop = Loop(
            study=study,
            search=wanted,
            space=found,
            taken=copies.snapshot(root, cache),
            folder=home / name,
            epochs=params.epochs,
            environments=workers(wanted.workers, params.finetune.device, params.finetune.processes),
            show=seen.show,
        )
        failed = run(loop)
    outcome.show(study, params, found, root, higher=higher)
    if isinstance(failed, UserError):
        raise failed
    if failed:
        report.note("interrupted: the same command goes on")
        sys.exit(130)


def longest_trial(content: Mapping[str, Any], found: Sequence[space.Dimension], *, samples: int) -> int:
    """The most epochs that a trial has, raised as finetune raises them: what hyperband shares out.

    Batches of so many tokens, of which only training knows the number, are taken for batches of `batch_size`.
    """
    from stages.training.batches import count_batches  # which loads torch
    from stages.training.epochs import most_epochs

    searched = {one.key: one.extremes() for one in found}

    def most(key: str) -> int:
        numbers: list[int] = searched.get(key, [space.look_up(content, key)])
        return max(numbers)

    batches = max(count_batches(samples, most("batch_size")), 1)
    return most_epochs(most("epochs"), most("finetune.min_updates"), batches, most("finetune.accumulation_steps"))


def begin(study: "Study", values: dict[str, Any] | None, found: Sequence[space.Dimension]) -> None:
    """Take up what a killed search left, or begin with the values that params.yaml has."""
    for trial in studies.take_up(study):
        pid, name = (trial.user_attrs.get(attribute) for attribute in (studies.PID, studies.NAME))
        if pid and name and process.leftover(pid, name):
            process.stop(pid)
        report.note(f"trial {trial.number} was interrupted: its values are tried anew")
    if study.trials:
        ended = len(studies.counted(study))
        report.note(f"search {study.study_name} goes on after {ended} trials (to begin anew: --new)")
    elif values is not None:
        study.enqueue_trial(studies.raw_values(found, values))


def workers(count: int, device: str, processes: int) -> list[dict[str, str]]:
    """What the trials of each worker see; 0: a worker for as many GPUs as a training takes, or one."""
    gpus = process.shared_out(process.gpus(device), processes)
    found = process.environments(count or max(1, len(gpus)), gpus, cores=parallel.cores())
    if any("OMP_NUM_THREADS" in one for one in found):
        threads = found[0]["OMP_NUM_THREADS"]
        report.note(f"{len(found)} trials at once, threads each: {threads}; weights repeat for that number of threads")
    return found


def run(loop: Loop) -> BaseException | None:
    """Run it; what it ended with: Ctrl-C, or three failures in a row. The result so far is shown all the same."""
    try:
        loop.run()
    except (KeyboardInterrupt, UserError) as error:
        return error
    return None


if __name__ == "__main__":
    report.run("search", main)
