"""What a person does at the desk, around a run: bring a fork up to date, merge, look at experiments."""
