"""Where images come from: a folder, TFDS, arrays, IDX files, MNIST, mixtures."""
