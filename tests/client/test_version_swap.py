"""A model that is replaced while one call of the client is under way."""

from tfgan_kit.serving import ModelServer

import grpc
import numpy as np
import pytest
import tensorflow as tf

from tests.serving import toy
from tfgan_kit_client import GeneratorClient, ServingError

NUMBER = 12


@pytest.fixture
def swapped(tmp_path):
    """Serves version 1, and the next one (scale 2, then 3) after given numbers of answers."""
    for scale in (1, 2, 3):
        toy.save(tmp_path / "saved" / str(scale), scale)
    base_path = tmp_path / "toy"
    base_path.mkdir()
    toy.publish(tmp_path / "saved" / "1", base_path, 1)
    clients = []

    def client(*after):
        one = GeneratorClient(f"localhost:{server.port}", "toy", timeout=60, batch_size=1)
        one.metadata()
        read, answered, left = one._connection._read, [], list(after)

        def read_and_swap(*answer):
            answered.append(read(*answer))
            if left and len(answered) == left[0]:
                left.pop(0)
                number = len(after) - len(left) + 1
                toy.publish(tmp_path / "saved" / str(number), base_path, number)
                server.versions.poll()
            return answered[-1]

        one._connection._read = read_and_swap
        clients.append(one)
        return one

    with ModelServer(base_path, "toy", port=0, grpc_max_threads=64, file_system_poll_wait_seconds=0) as server:
        yield client
        for one in clients:
            one.close()


def test_images_of_one_call_are_all_of_the_newest_version(swapped):
    images = swapped(4).generate(NUMBER)
    np.testing.assert_array_equal(images, toy.expected(range(NUMBER), scale=2))


def test_pngs_of_one_call_are_all_of_the_newest_version(swapped):
    images = [tf.io.decode_png(png).numpy() for png in swapped(4).generate_png(NUMBER)]
    np.testing.assert_array_equal(images, toy.expected(range(NUMBER), scale=2))


def test_a_second_swap_while_it_asks_again_is_said_in_plain_words(swapped):
    client = swapped(4, NUMBER)
    with pytest.raises(ServingError, match=r"replaced while it answered.*2, 1.*Ask again") as e:
        client.generate(NUMBER)
    assert e.value.code is grpc.StatusCode.ABORTED
    np.testing.assert_array_equal(client.generate(NUMBER), toy.expected(range(NUMBER), scale=3))
