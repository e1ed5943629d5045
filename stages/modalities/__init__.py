"""Modalities: how one kind of input becomes tensors, and which model classes take it."""
