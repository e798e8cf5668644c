"""Models and their versions: which are loaded, how they run."""
