"""Rewriting of the graph for inference: folding, sub-pixel convolutions, portable operations, bfloat16."""
