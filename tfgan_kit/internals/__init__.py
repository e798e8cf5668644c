"""Private names of Keras and TensorFlow, all of them, each with its reason and the test that fails when it changes."""
