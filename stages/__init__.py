"""The line: one verb a script, one plural noun a package. Scripts run as `python -m stages.fetch`."""
