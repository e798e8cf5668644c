"""Use of a trained generator: images from seeds, latents from images."""
