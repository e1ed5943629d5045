"""Floor 0: params, samples, tables, registries and reports. Imports nothing else of this project."""
