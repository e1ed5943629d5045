"""What people look at around a run: results, params checks, and reviews of changes."""
