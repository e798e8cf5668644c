"""One `tf.function`, written by hand, with the mathematics of `GAN.train_step`'s shared pass.

Non-saturating objective, one move each, the same latents for both, averaged weights, the same logs.
Frozen: do not tune.
"""

import tensorflow as tf


def make_step(generator, discriminator, average, g_optimizer, d_optimizer, latent_dim, decay, seed=0):
    """Returns `step(images uint8) -> (d_loss, g_loss, real_score, fake_score)`, scalars."""
    counter = tf.Variable(0, dtype=tf.int64)
    g_weights, d_weights = generator.trainable_variables, discriminator.trainable_variables
    pairs = list(zip(average.weights, generator.weights, strict=True))

    @tf.function
    def step(images):
        images = tf.cast(images, tf.float32) / 127.5 - 1.0
        latents = tf.random.stateless_normal(
            [tf.shape(images)[0], latent_dim], tf.stack([tf.constant(seed, tf.int64), counter * 1024])
        )
        with tf.GradientTape(watch_accessed_variables=False) as g_tape:
            g_tape.watch([w.value for w in g_weights])
            fake = generator(latents, training=True)
            with g_tape.stop_recording():
                with tf.GradientTape(watch_accessed_variables=False) as d_tape:
                    d_tape.watch([w.value for w in d_weights])
                    real_logits = discriminator(images, training=True)
                    fake_logits = discriminator(fake, training=True)
                    d_loss = tf.reduce_mean(tf.nn.softplus(-real_logits)) + tf.reduce_mean(tf.nn.softplus(fake_logits))
                grads = d_tape.gradient(d_loss, [w.value for w in d_weights])
                d_optimizer.apply(grads, d_weights)
            g_loss = tf.reduce_mean(tf.nn.softplus(-discriminator(fake, training=True)))
        grads = g_tape.gradient(g_loss, [w.value for w in g_weights])
        g_optimizer.apply(grads, g_weights)
        counter.assign_add(1)
        t = tf.cast(counter, tf.float32)
        keep = tf.minimum(decay, (1.0 + t) / (10.0 + t))
        for mean, weight in pairs:
            mean.assign_sub((1.0 - keep) * (mean.value - weight.value))
        return d_loss, g_loss, tf.reduce_mean(real_logits), tf.reduce_mean(fake_logits)

    return step
