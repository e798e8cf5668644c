"""The metrics, one a file: features in, a value out."""
