"""Loads a version and answers its requests with plain TensorFlow, whichever runs this: none of ours.

python old_servers_process.py VERSION REQUESTS.npz ANSWERS.npz
"""

import json
import sys
import time

import numpy as np
import tensorflow as tf


def main(version, requests, answers):
    started = time.perf_counter()
    loaded = tf.saved_model.load(version)
    seconds = time.perf_counter() - started
    asked, found = {}, {}
    for key, value in np.load(requests).items():
        place, signature, name = key.split("/")
        asked.setdefault((place, signature), {})[name] = tf.constant(value)
    for (place, signature), inputs in asked.items():
        for name, value in loaded.signatures[signature](**inputs).items():
            found[f"{place}/{signature}/{name}"] = value.numpy()
    np.savez(answers, **found)
    print(json.dumps({"tensorflow": tf.__version__, "seconds": seconds}))


if __name__ == "__main__":
    main(*sys.argv[1:])
