"""All uses of private names of Keras and TensorFlow, with the reason and the test that fails when one changes."""
