"""The game: two networks, what each is asked to minimise, and how they move."""
