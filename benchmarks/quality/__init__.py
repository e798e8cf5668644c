"""The parts of `benchmarks/time_to_quality.py`: contestants in turns, their scorer, the table."""
