"""Calls of Predict whose message never comes, as a hostile or a broken caller opens them."""

import contextlib
import threading

import grpc


@contextlib.contextmanager
def calls(server, number):
    """So many silent calls on a connection of their own; a list of their futures."""
    end = threading.Event()

    def nothing():
        end.wait()
        yield from ()

    with grpc.insecure_channel(f"localhost:{server.port}") as channel:
        call = channel.stream_unary("/tensorflow.serving.PredictionService/Predict")
        futures = [call.future(nothing()) for _ in range(number)]
        try:
            yield futures
        finally:
            end.set()
            for future in futures:
                future.cancel()
