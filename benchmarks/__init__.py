"""Side-by-side measurements; every figure in README.md comes from here."""
