"""Exported versions: speed, size, older servers."""
