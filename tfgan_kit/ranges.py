"""Arguments in their ranges: "not below 1", once."""


def check_sizes(**sizes):
    """Refuses none of something.

    Raises:
        ValueError: naming the first size below 1.
    """
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"`{name}` must be at least 1. Received: {name}={size}")
