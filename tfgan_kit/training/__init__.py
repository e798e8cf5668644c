"""The game: two networks, the loss that each minimises, and the update rules."""
