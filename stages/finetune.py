"""Finetune: encoded -> models/model: weights, processor and model card; of folds and seeds, a member each."""

from functools import partial
from pathlib import Path

from stages.core import cautions, live, models, report, tables
from stages.core.params import Params, load
from stages.core.registry import member
from stages.modalities import MODEL_CLASSES, PIPELINES
from stages.strategies.apply import prepare
from stages.strategies.build import model_for
from stages.strategies.cut import count_parameters
from stages.strategies.decay import layered
from stages.tasks import TASKS
from stages.training import device as devices
from stages.training.advice import cautions_of
from stages.training.assemble import Plan
from stages.training.card import card
from stages.training.curves import write_curves
from stages.training.epochs import raise_epochs
from stages.training.fingerprint import own_checkpoints
from stages.training.gathered import best_of, metrics_of, show, write_members, write_out_of_fold
from stages.training.launch import launched
from stages.training.meeting import check_shares, join, together
from stages.training.members import Data, members_of, trained
from stages.training.objective import CALIBRATION_BINS
from stages.training.options import Options
from stages.training.processes import Team
from stages.training.results import save_model
from stages.training.splits import encoded, folds_of


def main() -> None:
    with together() as store:
        params = load()
        block = params.finetune
        if launched("stages.finetune", block.processes, block.device):
            report.adopt("finetune")
        else:
            finetune(params, join(store, block.device))


def finetune(params: Params, team: Team) -> None:
    """Train, alone or as one of several processes, of which the first writes the outputs."""
    block = params.finetune
    check_shares(team, params.batch_size, block.batch_tokens)
    meta, provenance = tables.read_json("data/encoded/meta.json"), tables.read_json("data/fetched/provenance.json")
    task_of = partial(member(TASKS, params.task, "task"), bins=CALIBRATION_BINS)
    train, validation = encoded("train", meta), encoded("validation", meta)
    data = Data(train, validation, meta, task_of, block.online_steps())
    members = members_of(folds_of(train, meta["labels"]) if block.folds else [], block.seeds or [params.seed])
    options, raised = raise_epochs(
        Options.of(**block.model_dump(), lr=params.lr, epochs=params.epochs, batch_size=params.batch_size),
        [(data.of(member), member.seed) for member in members],
    )
    if team.leads:
        live.tell(epochs=options.epochs)
    if raised:
        report.note(raised)
    device, source, task = devices.pick(block.device), models.resolve(params.model), task_of(meta)
    recipe = {
        "model": source.public_name,
        "strategy": params.strategy,
        "lr": params.lr,
        "epochs": options.epochs,
        "batch_size": params.batch_size,
        "seed": params.seed,
        "finetune": {name: value for name, value in block.model_dump().items() if name in block.model_fields_set}
        | {"processes": team.size},
    }
    lora = block.lora.model_dump() | {"base": source.public_name}
    plan = Plan(
        name=params.strategy,
        task=task,
        options=options,
        device=device,
        build=partial(
            model_for,
            source,
            MODEL_CLASSES[params.modality][params.task],
            task.names,
            strategy=params.strategy,
            architecture=block.architecture or {},
            problem_type=task.problem_type,
            dropout=block.dropout.model_dump(),
            pad_token_id=meta.get("pad_token_id"),
            max_length_tokens=meta.get("max_length_tokens"),
        ),
        strategy=partial(prepare, strategy=params.strategy, cut=meta.get("cut"), lora=lora),
        layered=layered,
        team=team,
        count=count_parameters,
    )
    checkpoints = partial(own_checkpoints, recipe=recipe, device=device, **block.checkpoint.model_dump(), team=team)
    with trained(members, plan, data, open_checkpoints=checkpoints) as results:
        if not team.leads:
            return
        best = best_of(results, block.best_by, task)
        metrics = metrics_of(results, best, len(validation.inputs), epochs_asked=params.epochs if raised else None)
        found = cautions_of(best.history, loss=task.shown[0], strategy=params.strategy, lr=params.lr)
        page = card(
            task=params.task,
            pipeline=PIPELINES[params.modality][params.task],
            base_model=source.public_name,
            labels=meta["labels"],
            provenance=provenance,
            recipe=recipe,
            metrics=metrics["validation"] | {k: metrics[k] for k in ("saved", "mean", "deviation") if k in metrics},
        )
        save_model(best.folder, page)
        write_members(results, best)
        write_out_of_fold(data, results, task)
        tables.write_json("metrics/finetune.json", {**metrics, **cautions.as_metrics(found)})
        histories = {result.member.name: result.history for result in results} if len(results) > 1 else None
        write_curves(Path("metrics/plots/finetune"), best.history, task.shown, histories)
    show(metrics, task.shown)
    cautions.tell(found)


if __name__ == "__main__":
    report.run("finetune", main)
