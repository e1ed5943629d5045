"""Tasks: what is predicted, how it is scored and drawn."""

TASKS = {"classification": "stages.tasks.classification"}
