"""Speed and memory of the metrics, beside their references."""
