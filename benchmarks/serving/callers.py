"""The callers of `benchmarks/serving/callers_against_direct.py`: raw gRPC, no decoding, in a process of their own.

Reads lines "callers calls request-in-hex", answers each with a line of calls a second.
"""

import concurrent.futures
import sys
import time

import grpc

_PREDICT = "/tensorflow.serving.PredictionService/Predict"


def main():
    """Serves the lines until the input ends; every caller keeps its own connection."""
    connections = [grpc.insecure_channel(sys.argv[1], [("grpc.use_local_subchannel_pool", 1)]) for _ in range(64)]
    methods = [connection.unary_unary(_PREDICT) for connection in connections]
    with concurrent.futures.ThreadPoolExecutor(64) as threads:
        for line in sys.stdin:
            number, calls, body = line.split()
            print(_rate(threads, methods[: int(number)], int(calls), bytes.fromhex(body)), flush=1)


def _rate(threads, methods, calls, body) -> float:
    def caller(method):
        for _ in range(calls // len(methods)):
            method(body, timeout=60)

    started = time.perf_counter()
    list(threads.map(caller, methods))
    return calls / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
