"""What metrics look at: feature extractors, published or trained here, and their cache."""
