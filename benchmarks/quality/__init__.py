"""The parts of `benchmarks/quality/time_to_quality.py`: contestants in turns, their scorer, the table."""
