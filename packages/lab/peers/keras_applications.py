"""Writes Keras' applications with random weights, inputs and what Keras' own `predict` gives for them.

    pip install "tensorflow-cpu==2.15.1"        # Keras 2, or
    pip install keras jax h5py                  # Keras 3
    python keras_applications.py OUT [NAME ...]
    MPO_KERAS_CASES=OUT/keras-file/ node --test packages/engine/dist/model/layers-format/keras-cases.slow.test.js

Each model lies in OUT/keras-file/NAME and OUT/h5-file/NAME, with x.npy and y.npy beside it.
"""

import importlib.util
import os
import sys

import numpy as np

os.environ.setdefault("KERAS_BACKEND", "jax")
if importlib.util.find_spec("tensorflow"):
    from tensorflow import keras
else:
    import keras

SIDES = {
    "MobileNet": 96,
    "MobileNetV2": 96,
    "MobileNetV3Small": 96,
    "MobileNetV3Large": 96,
    "ResNet50": 64,
    "ResNet50V2": 64,
    "DenseNet121": 64,
    "Xception": 96,
    "EfficientNetB0": 64,
    "EfficientNetV2B0": 64,
    "ConvNeXtTiny": 64,
}
# These take -1..1; the others begin with a layer of their own that brings 0..255 to what they take.
SYMMETRIC = {"MobileNet", "MobileNetV2", "ResNet50V2", "Xception"}
SAMPLES = 2
CLASSES = 10


def randomise(model, random):
    """Gives normalisations statistics and scales other than 0 and 1, so that none may be left out."""
    for weight in model.weights:
        value = np.array(weight)
        name = getattr(weight, "path", weight.name)
        if value.dtype != np.float32:
            continue
        if "variance" in name or "gamma" in name:
            weight.assign(random.uniform(0.7, 1.3, value.shape).astype("float32"))
        elif "moving_mean" in name or "beta" in name or "bias" in name:
            weight.assign(random.normal(0, 0.1, value.shape).astype("float32"))


def write(name, out):
    side = SIDES[name]
    random = np.random.default_rng(0)
    keras.utils.set_random_seed(7)
    model = getattr(keras.applications, name)(weights=None, input_shape=(side, side, 3), classes=CLASSES)
    randomise(model, random)
    x = random.uniform(0, 255, (SAMPLES, side, side, 3)).astype("float32")
    if name in SYMMETRIC:
        x = x / 127.5 - 1
    y = np.array(model.predict(x, verbose=0))
    for kind, file in (("keras-file", "model.keras"), ("h5-file", "model.h5")):
        folder = os.path.join(out, kind, name)
        os.makedirs(folder, exist_ok=True)
        model.save(os.path.join(folder, file))
        np.save(os.path.join(folder, "x.npy"), x)
        np.save(os.path.join(folder, "y.npy"), y)
    print(f"{name}: {model.count_params():,} parameters")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    for application in sys.argv[2:] or SIDES:
        write(application, sys.argv[1])
