"""`python -m benchmarks.training_peers --data FOLDER --model FOLDER --train WHAT …`: the usual Trainer script.

It reads CSV files, tokenises them, trains by transformers.Trainer at its defaults (batches padded by
DataCollatorWithPadding, drawn at random), predicts the test set and saves the model. Its learning rate, schedule,
warm-up, weight decay, batch size and precision are those of the line. Writes marks as benchmarks/training_clock.py
does, and which test samples it got right.
"""

import argparse
import os
from pathlib import Path
from typing import Any

from benchmarks.training_clock import Clock

TARGETS = r".*\.encoder\.layer\.\d+\..*(query|key|value|dense)"
"""Every linear layer of BERT's blocks, as the strategy lora adapts by itself."""


def options() -> argparse.Namespace:
    """What to do."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training_peers", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="train.csv and test.csv with id, text, label")
    parser.add_argument("--model", required=True)
    parser.add_argument("--train", required=True, help="all, head, last:N or lora")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--lr", type=float, required=True)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--max-length", type=int, required=True)
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--tuned", action="store_true", help="batches of like length, no attention dropout")
    return parser.parse_args()


def frozen(model: Any, train: str) -> Any:
    """The model with what is not to be trained frozen, or with peft's adapters."""
    if train == "lora":
        import peft

        config = peft.LoraConfig(
            task_type="SEQ_CLS", r=8, lora_alpha=16, target_modules=TARGETS, modules_to_save=["pooler", "classifier"]
        )
        return peft.get_peft_model(model, config)
    if train == "all":
        return model
    blocks = model.base_model.encoder.layer
    last = int(train.partition(":")[2] or 0)
    for part in (model.base_model.embeddings, *blocks[: len(blocks) - last]):
        part.requires_grad_(False)
    return model


def tokenised(given: argparse.Namespace, tokenizer: Any) -> Any:
    """The sets for training and test, as tokens."""
    import datasets

    datasets.disable_progress_bars()
    files = {name: str(given.data / f"{name}.csv") for name in ("train", "test")}
    found = datasets.load_dataset("csv", data_files=files, cache_dir=str(given.output.parent / "datasets"))
    return found.map(lambda rows: tokenizer(rows["text"], truncation=True, max_length=given.max_length), batched=True)


def clocked(clock: Clock, rows: int, size: int) -> Any:
    """A callback that marks each step."""
    import transformers

    class Marks(transformers.TrainerCallback):  # type: ignore[misc]
        def on_epoch_begin(self, *_: Any, **__: Any) -> None:
            clock.start()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            clock.count(min(size, rows - clock.periods[-1][-1][1]))

    return Marks()


def main() -> None:
    """Train, predict, save."""
    given, clock = options(), Clock()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(given.model)
    sets = tokenised(given, tokenizer)
    transformers.set_seed(given.seed)
    changes = {"attention_probs_dropout_prob": 0.0} if given.tuned else {}
    model = transformers.AutoModelForSequenceClassification.from_pretrained(given.model, num_labels=2, **changes)
    work = given.output.parent / "trainer"
    arguments = transformers.TrainingArguments(
        output_dir=str(work),
        learning_rate=given.lr,
        num_train_epochs=given.epochs,
        per_device_train_batch_size=given.batch_size,
        per_device_eval_batch_size=64,
        weight_decay=0.01,
        lr_scheduler_type="linear",
        warmup_steps=0.1,
        seed=given.seed,
        bf16=given.bf16,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        **({"train_sampling_strategy": "group_by_length"} if given.tuned else {}),
    )
    trainer = transformers.Trainer(
        model=frozen(model, given.train),
        args=arguments,
        train_dataset=sets["train"],
        data_collator=transformers.DataCollatorWithPadding(tokenizer),
        processing_class=tokenizer,
        callbacks=[clocked(clock, len(sets["train"]), given.batch_size)],
    )
    trainer.train()
    logits = trainer.predict(sets["test"]).predictions
    right = (logits.argmax(1) == sets["test"]["label"]).tolist()
    trainer.save_model(str(work / "model"))
    trained = sum(weight.numel() for weight in trainer.model.parameters() if weight.requires_grad)
    clock.write(
        given.output,
        right=dict(zip(sets["test"]["id"], right, strict=True)),
        threads=torch.get_num_threads(),
        trainable=trained,
    )


if __name__ == "__main__":
    main()
