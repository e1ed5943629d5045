"""What `python -m review.search` is made of: the space, the study, the trials' processes, and what is shown."""
