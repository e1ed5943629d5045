"""One training: from a model that is ready to its best weights."""

from stages.training.assemble import Ready
from stages.training.batches import Encoded
from stages.training.checkpoints import Checkpoints
from stages.training.loop import fit
from stages.training.memory import told_when_out_of_memory
from stages.training.modes import compiled
from stages.training.options import Options
from stages.training.progress import History
from stages.training.results import live_log
from stages.training.trial import try_out


def train_one(
    ready: Ready,
    train: Encoded,
    validation: Encoded,
    *,
    options: Options,
    seed: int,
    checkpoints: Checkpoints | None = None,
    live: str = "dvclive",
) -> History:
    """Train in place, each epoch told in a line; with `checkpoints` it goes on from the last.

    `live` is the folder of DVCLive, where it was asked for.

    Raises:
        UserError: inputs that do not fit the model, memory that runs out, a loss that is not finite.
    """
    learner = ready.learner
    with told_when_out_of_memory(options.batch_size, options.accumulation_steps, options.batch_tokens):
        try_out(learner.model, train, learner.device)
        log = live_log(live if options.dvclive and learner.team.leads else None, learner.objective.task.shown)
        with compiled(learner.model, wanted=options.compile):
            return fit(learner, train, validation, settings=options.settings(seed), checkpoints=checkpoints, log=log)
