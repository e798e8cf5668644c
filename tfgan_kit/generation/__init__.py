"""A trained generator at work: images from seeds, latents from images."""
