"""Tasks: what is predicted, how it is scored and drawn. Members give a `Task` (stages/tasks/task.py)."""

TASKS = {
    "classification": "stages.tasks.classes:Classes",
    "regression": "stages.tasks.values:Values",
}
