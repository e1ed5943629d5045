"""Strategies: which weights are trained."""

STRATEGIES = {
    "full": "stages.strategies.full:full",
    "head": "stages.strategies.head:head",
    "last_layers": "stages.strategies.last_layers:last_layers",
    "lora": "stages.strategies.lora:lora",
    "scratch": "stages.strategies.scratch:scratch",
}
