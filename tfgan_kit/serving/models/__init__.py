"""Models and their versions: loading, batching and running them."""
