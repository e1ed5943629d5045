"""The GPU row of benchmarks/training.py: a random model of BERT-base's size, sequences of 128 tokens, bf16.

Model FLOP utilisation (Chowdhery et al. 2022, arXiv:2204.02311, appendix B): tokens a second times 6 N + 12 l h q t
(N weights of the blocks, without embeddings; l blocks, h heads of width q, t tokens), over the card's peak.
`python -m benchmarks.training_gpu CONFIG.json` makes the model in a folder; without an argument it names the card.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks import data
from benchmarks.training_line import Line, bundled
from benchmarks.training_rows import FULL_LR, Row, rates, turns

TOKENS = 128
WORDS = (TOKENS, TOKENS + 20)
"""Of a sentence: at least as many tokens, so that each is cut to TOKENS."""
BASE = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072}
ROWS, BATCH_SIZE = 16_384, 256
PEAKS = {"H200": 989, "H100": 989, "A100": 312, "L40S": 362, "L4": 121, "RTX 4090": 165, "A10": 125}
"""Dense bf16 TFLOP/s by the makers' data sheets, for the part of a card's name."""


def card() -> str:
    """The name of the first CUDA device; empty where there is none. Asked in a process of its own: torch is large."""
    command = [sys.executable, "-m", "benchmarks.training_gpu"]
    done = subprocess.run(command, cwd=data.ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def flops(sizes: Mapping[str, int], tokens: int = TOKENS) -> float:
    """Floating-point operations of a sample, forward and backward."""
    width, blocks = sizes["hidden_size"], sizes["num_hidden_layers"]
    weights = blocks * (4 * width**2 + 2 * width * sizes["intermediate_size"])
    return float(tokens * (6 * weights + 12 * blocks * width * tokens))


def gpu(
    folder: Path,
    name: str,
    threads: set[int],
    rows: int = ROWS,
    batch_size: int = BATCH_SIZE,
    sizes: Mapping[str, int] = BASE,
    precision: str = "bf16",
) -> list[Row]:
    """An epoch of the whole model, and the share of the card's peak."""
    model = folder / "model"
    model.mkdir(parents=True)
    (model / "sizes.json").write_text(json.dumps(sizes), encoding="utf-8")
    data.run("model", model, [sys.executable, "-m", "benchmarks.training_gpu", "sizes.json"])
    line = Line(
        folder / "line",
        rows,
        threads=threads,
        words=WORDS,
        model=str(model),
        batch_size=batch_size,
        epochs=1,
        lr=FULL_LR,
        encode__max_length_tokens=TOKENS,
        finetune__precision=precision,
    )
    line.run("encode")
    mine, peers = turns(
        lambda: line.clocked("finetune"),
        lambda: line.peer("all", lr=FULL_LR, epochs=1, model=str(model), bf16=precision == "bf16"),
    )
    speed = rates(f"GPU, {precision}", mine, peers, None, f"{name}, batch {batch_size}, {TOKENS} tokens")
    peak = next((tflops for part, tflops in PEAKS.items() if part in name), None)
    if peak is None:
        return [speed]
    ours, theirs = (
        statistics.median(one.rate for one in runs) * flops(sizes) / (peak * 1e12) for runs in (mine, peers)
    )
    note = f"of {peak} TFLOP/s; ours spares most of the last block, and is counted as if it did not"
    return [speed, Row("GPU, model FLOP utilisation", "share", ours, theirs, ours / theirs, note=note)]


def make(sizes: Mapping[str, int]) -> None:
    """Save a random BERT of these sizes here, with the bundled model's tokenizer."""
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(bundled())
    torch.manual_seed(data.SEED)
    transformers.BertModel(transformers.BertConfig(vocab_size=len(tokenizer), **sizes)).save_pretrained(".")
    tokenizer.save_pretrained(".")


def main() -> None:
    """Make the model, or name the card."""
    if sys.argv[1:]:
        make(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
        return
    import torch

    print(torch.cuda.get_device_name() if torch.cuda.is_available() else "")


if __name__ == "__main__":
    main()
