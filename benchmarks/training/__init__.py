"""Speed and exactness of training."""
