"""Training: batches, optimisation and the loop."""
