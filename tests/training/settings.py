"""How the tests of training train: plainly, in few and small steps."""

from stages.training.loop import Settings

SETTINGS = Settings(
    epochs=3,
    batch_size=4,
    batch_tokens=None,
    accumulation_steps=1,
    eval_batch_size=8,
    seed=1,
    min_updates=0,
    group_by_length=True,
    max_grad_norm=1.0,
    l1=0.0,
    mixup=None,
    precision="fp32",
    best_by="log_loss",
    patience_epochs=0,
    min_delta=0.0,
)
