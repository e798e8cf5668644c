"""What rewrites the graph for inference: folding, sub-pixel convolutions, portable operations."""
