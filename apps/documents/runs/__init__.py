"""The queue of runs, what a run does to the index, and what is told of it."""
