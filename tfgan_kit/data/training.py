"""The training data as `fit` takes it: it knows its source, its epoch, and how to start later."""


def training_dataset(source, batch_size, seed=0, flip=False, start_step=0):
    """`source.training(...)` with three attributes attached, which `GAN.fit` reads.

    Args:
        source: a `Source`.
        batch_size: 1 to source.num_images.
        seed: int; the same seed gives the same batches.
        flip: mirror each image left to right with probability 1/2.
        start_step: how many batches to leave out.

    Returns:
        An infinite `tf.data.Dataset` with `.source` (the argument), `.steps_per_epoch` (ceil(N /
        batch_size)) and `.at_step(step)` (the same dataset, attributes and all, from another step).

    Example:

        dataset = training_dataset(open_source("mnist5k"), batch_size=64)
        resumed = dataset.at_step(1000)   # the batches 1000, 1001, ...
    """
    dataset = source.training(batch_size, seed, flip, start_step)
    dataset.source = source
    dataset.steps_per_epoch = -(-source.num_images // batch_size)
    dataset.at_step = lambda step: training_dataset(source, batch_size, seed, flip, step)
    return dataset
