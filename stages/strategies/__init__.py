"""Strategies: which weights are trained."""

STRATEGIES = {
    "full": "stages.strategies.full:full",
    "scratch": "stages.strategies.scratch:scratch",
}
