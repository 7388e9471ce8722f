"""Reads .keras files that `mpo convert` wrote with real Keras, and compares what both compute.

usage: KERAS_BACKEND=torch python3 packages/lab/peers/keras_written.py MODEL...     (layers models, .keras or .h5 files)

Needs keras 3, numpy and a backend; run it from the repository's root, after `npm run build`. Each model becomes a .keras
file; Keras must load it, and its `predict` must give what `mpo predict` gives.
"""

import os
import subprocess
import sys
import tempfile

import keras
import numpy

MPO = ["node", "packages/cli/dist/main.js"]


def run(*args):
    subprocess.run([*MPO, *args], check=True, stdout=subprocess.DEVNULL)


def compare(source, folder):
    written = os.path.join(folder, "model.keras")
    run("convert", source, written, "--force")
    model = keras.saving.load_model(written, compile=False)
    x = numpy.random.default_rng(1).normal(size=(4, *model.input_shape[1:])).astype("float32")
    inputs, outputs = os.path.join(folder, "x.npy"), os.path.join(folder, "y.npy")
    numpy.save(inputs, x)
    run("predict", "--weights", source, "--input", inputs, "-o", outputs, "--force")
    expected = numpy.load(outputs)
    distance = numpy.abs(numpy.asarray(model.predict(x, verbose=0)) - expected).max() / max(1, numpy.abs(expected).max())
    print(f"{source:60} {distance:.1e}{'' if distance <= 1e-4 else '  DIFFERS'}", flush=True)
    return distance <= 1e-4


with tempfile.TemporaryDirectory() as room:
    sys.exit(0 if all([compare(source, room) for source in sys.argv[1:]]) else 1)
