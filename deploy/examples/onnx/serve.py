"""A program that serves an ONNX model with ONNX Runtime, and shares a serving folder with `mpo agent`.

It answers images, drops them for the agent, and picks up what the agent publishes. Here the images are of a folder with
IDX files (MNIST's kind), and after a while a haze comes over them.

    pip install onnxruntime numpy
    python serve.py serving/camera --images FOLDER
"""

import argparse
import gzip
import hashlib
import json
import os
import pathlib
import time

import numpy as np
import onnxruntime

KEPT_BATCHES = 50


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=pathlib.Path, help="the model's folder inside the serving folder")
    parser.add_argument("--images", type=pathlib.Path, required=True, help="folder with t10k-*.gz")
    parser.add_argument("--batch", type=int, default=64, help="images at once")
    parser.add_argument("--every", type=float, default=1.0, help="seconds between batches")
    parser.add_argument("--haze-after", type=float, default=180.0, help="seconds until the images change")
    options = parser.parse_args()
    images, labels = test_images(options.images)
    inputs = options.root / "inputs"
    inputs.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(1)
    began = time.monotonic()
    folder, session, right, seen = None, None, 0, 0
    while True:
        if newest(options.root) != folder:
            folder = newest(options.root)
            session = load(folder)
            say(began, f"serves {folder.relative_to(options.root)}")
        chosen = random.integers(0, len(images), options.batch)
        batch = images[chosen]
        if time.monotonic() - began > options.haze_after:
            batch = batch * 0.35 + 0.6
        probabilities = predict(session, batch)
        right += int(np.sum(probabilities.argmax(axis=1) == labels[chosen]))
        seen += options.batch
        drop(inputs, batch, probabilities)
        if seen >= 20 * options.batch:
            say(began, f"{100 * right / seen:.1f} % of {seen} images were right")
            right, seen = 0, 0
        time.sleep(options.every)


def say(began, words):
    print(f"{time.monotonic() - began:6.0f} s  {words}", flush=True)


def predict(session, batch):
    """`[n, height, width, channels]` of 0 to 1; gives probabilities `[n, classes]`."""
    channels_first = np.ascontiguousarray(batch.transpose(0, 3, 1, 2), dtype=np.float32)
    [logits] = session.run(None, {session.get_inputs()[0].name: channels_first})
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def load(folder):
    [path] = sorted(folder.glob("*.onnx"))
    return onnxruntime.InferenceSession(path)


def newest(root):
    """The folder to serve from: the newest model that is whole, otherwise the one before, otherwise as deployed."""
    path = root / "retrained" / "manifest.json"
    manifest = json.loads(path.read_text()) if path.exists() else {}
    for model in filter(None, (manifest.get("current"), manifest.get("previous"))):
        folder = root / "retrained" / model["folder"]
        if folder.is_dir() and digest(folder) == model["digest"]:
            return folder
    return root / "model"


def digest(folder):
    files = sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    lines = "".join(f"{p.name} {hashlib.sha256(p.read_bytes()).hexdigest()}\n" for p in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def drop(inputs, images, probabilities):
    """Gives the agent a batch, whole or not at all, and removes old ones."""
    name = str(time.time_ns())
    bytes_of_images = (images * 255).round().astype(np.uint8)
    for suffix, array in ((".predictions.npy", probabilities), (".npy", bytes_of_images)):  # the images last
        with open(inputs / f".{name}{suffix}", "wb") as file:
            np.save(file, array)
        os.rename(file.name, inputs / f"{name}{suffix}")
    for old in sorted(inputs.glob("[0-9]*.npy"))[: -2 * KEPT_BATCHES]:
        old.unlink()


def test_images(folder):
    def numbers(name, header):
        with gzip.open(folder / name) as file:
            return np.frombuffer(file.read(), np.uint8, offset=header)

    images = numbers("t10k-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28, 1)
    return images.astype(np.float32) / 255, numbers("t10k-labels-idx1-ubyte.gz", 8)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
