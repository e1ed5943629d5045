"""`make new DATA=...`: look at data that nobody has described yet, and write the params.yaml that fits it."""
