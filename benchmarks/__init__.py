"""Side-by-side measurements against peers, and floors for speed and memory: each a script to run."""
