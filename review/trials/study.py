"""The study of a search: what makes it another one, where it is kept, and what it knows already."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from review.trials.space import Dimension
from stages.core.params import parse
from stages.core.search_block import Pruner, Search
from stages.core.seeds import seed_of

if TYPE_CHECKING:
    from optuna import Study
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

HOME = Path(".groundwork/search")
STAGES = ("augment", "encode", "finetune")
"""Those that a space can reach: their code makes another study, as does what encode reads."""
UNREAD = ("search", "evaluate", "review")
"""Blocks of params.yaml that none of them reads."""
VALUES, NAME, PID, AGAIN, SAME_AS, SECONDS, SAMPLES = "values", "name", "pid", "again", "same_as", "seconds", "samples"
"""What a trial keeps that Optuna does not; `again` and `same_as`: the number of the trial that it is run in place of,
or not run since it has the same values."""


def key_of(content: Mapping[str, Any], search: Search, root: Path) -> str:
    """Six hexadecimal digits that differ where the params, the space, the objective, the code or the data do.

    Not where the number of trials, sampler, pruner, seed or workers do: a study goes on with others.
    """
    line, lock = parse(root / "dvc.yaml")["stages"], parse(root / "dvc.lock")["stages"]
    code = {dep for stage in STAGES for dep in line[stage]["deps"] if dep.startswith("stages/")}
    files = sorted(file for dep in code for file in sources(root / dep))
    known = {
        "params": {name: value for name, value in content.items() if name not in UNREAD},
        "space": {name: one.model_dump() for name, one in search.space.items()},
        "objective": search.objective,
        "code": {file.relative_to(root).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files},
        "data": {one["path"]: one["md5"] for kind in ("deps", "outs") for one in lock["encode"][kind]},
    }
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:6]


def sources(path: Path) -> Iterable[Path]:
    """Files of code and the lists of words beside them."""
    return [path] if path.is_file() else [file for file in path.rglob("*") if file.suffix in (".py", ".txt")]


def name_of(key: str, home: Path, *, new: bool) -> str:
    """The latest study of a key; with `new` the one after it. The second is called KEY-2."""
    numbers = [int(path.name.partition("-")[2] or 1) for path in home.glob(f"{key}*") if path.is_dir()]
    number = max(numbers, default=0 if new else 1) + new
    return key if number == 1 else f"{key}-{number}"


def opened(folder: Path, *, higher: bool) -> "Study":
    """The study kept in a folder, begun if it is not there."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    folder.mkdir(parents=True, exist_ok=True)
    storage = JournalStorage(JournalFileBackend(str(folder / "trials.jsonl")))
    direction = optuna.study.StudyDirection.MAXIMIZE if higher else optuna.study.StudyDirection.MINIMIZE
    return optuna.create_study(study_name=folder.name, storage=storage, direction=direction, load_if_exists=True)


def sampler_of(name: str, *, seed: int, number: int, startup_trials: int) -> "BaseSampler":
    """The sampler of a trial: drawn from (seed, number), so that a search that went on ends as one in one go."""
    from optuna import samplers

    own = seed_of(seed, "search", number) % 2**32
    if name == "tpe":
        return samplers.TPESampler(seed=own, n_startup_trials=startup_trials, constant_liar=True)
    return samplers.RandomSampler(seed=own)


def pruner_of(given: Pruner, *, startup_trials: int, epochs: int) -> "BasePruner":
    """What stops trials that fall behind; `epochs`: of the longest trial."""
    from optuna import pruners

    if given.name == "median":
        warmup = given.warmup_epochs + 1  # Optuna's steps here are epochs, from 1
        return pruners.MedianPruner(n_startup_trials=startup_trials, n_warmup_steps=warmup)
    if given.name == "hyperband":
        least = min(given.warmup_epochs + 1, epochs)
        return pruners.HyperbandPruner(least, epochs, given.reduction_factor)
    return pruners.NopPruner()


def take_up(study: "Study") -> list["FrozenTrial"]:
    """Put trials that a killed search left running back into the queue; the trials as they were found."""
    from optuna.trial import TrialState

    found = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    for trial in found:
        put_back(study, trial.number, trial.params)
    return found


def put_back(study: "Study", number: int, raw: Mapping[str, Any]) -> None:
    """End a trial that was interrupted, and have its values tried anew."""
    from optuna.trial import TrialState

    study.tell(number, state=TrialState.FAIL)
    study.enqueue_trial(dict(raw), user_attrs={AGAIN: number})


def tried(study: "Study") -> list["FrozenTrial"]:
    """The trials that are to be told of: not those that were interrupted and run anew, nor those that wait."""
    from optuna.trial import TrialState

    found = study.get_trials(deepcopy=False)
    anew = {trial.user_attrs.get(AGAIN) for trial in found}
    return [trial for trial in found if trial.state != TrialState.WAITING and trial.number not in anew]


def counted(study: "Study") -> list["FrozenTrial"]:
    """Those of them that count against `search.trials`: repeats do not."""
    return [trial for trial in tried(study) if SAME_AS not in trial.user_attrs]


def known(study: "Study", values: Mapping[str, Any], number: int) -> "FrozenTrial | None":
    """A trial other than `number` of the same values that has a score, was pruned, or is running."""
    from optuna.trial import TrialState

    states = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING)
    for trial in study.get_trials(deepcopy=False, states=states):
        same = trial.user_attrs.get(VALUES) == values and SAME_AS not in trial.user_attrs
        if same and trial.number != number:
            return trial
    return None


def raw_values(found: Sequence[Dimension], values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of params.yaml as Optuna has them."""
    return {dimension.key: dimension.raw(values[dimension.key]) for dimension in found}
