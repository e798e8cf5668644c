"""Images one by one: the same ones, in order, with a bounded number under way."""

import itertools
import tracemalloc

import numpy as np
import pytest
import tensorflow as tf

from tests.serving import toy
from tfgan_kit_client import GeneratorClient, pipeline


@pytest.mark.parametrize("number", [1, 5, 23])
def test_a_stream_gives_the_images_of_generate(client, number):
    images = list(client.stream(number, seed=2))
    np.testing.assert_array_equal(images, toy.expected(2 * 2**32 + np.arange(number)))


def test_a_stream_of_pngs_decodes_to_the_images(client):
    images = [tf.io.decode_png(png).numpy() for png in client.stream_png(labels=range(7))]
    np.testing.assert_array_equal(images, toy.expected(range(7), range(7)))


def test_a_stream_of_four_billion_starts_at_once_and_holds_little(client):
    tracemalloc.start()
    try:
        first = list(itertools.islice(client.stream(2**32), 300))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    np.testing.assert_array_equal(first, toy.expected(range(300)))
    assert most < 4e6  # the seeds alone would be 34 GB


def test_no_more_than_a_few_batches_are_asked_for_ahead():
    class Answer:
        def result(self):
            return "answer"

        def cancel(self):
            cancelled.append(self)

    sent, cancelled = [], []

    def send(start, stop):
        sent.append((start, stop))
        return Answer()

    answers = pipeline.in_order(send, 0, 1000, pipeline.BatchSize(10))
    for read in range(1, 20):
        assert next(answers) == ((read - 1) * 10, read * 10, "answer")
        assert len(sent) <= read - 1 + pipeline.IN_FLIGHT
    answers.close()
    assert len(cancelled) == len(sent) - 19


def test_bad_arguments_are_refused_when_the_stream_is_made():
    with GeneratorClient("localhost:1") as nobody, pytest.raises(ValueError, match="num_images"):
        nobody.stream(0)
