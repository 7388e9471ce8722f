"""Trains models as people have them with real Keras, and takes each from photos to an agent's retrained model.

    pip install "tensorflow-cpu==2.15.1" pillow       # Keras 2: cats-dogs, teachable
    pip install keras jax h5py pillow                 # Keras 3: transfer
    npx tsc -b && python packages/lab/peers/end_to_end_models.py OUT cats-dogs|teachable|transfer

It runs the commands of the guides: `mpo models describe --write-card`, a coordinator, an agent and a serving folder, in
which photos arrive that turn dark and noisy. It prints accuracy by labels as Keras and `mpo evaluate` compute it.
"""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import time

import numpy as np
from PIL import Image, ImageDraw

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if importlib.util.find_spec("tensorflow"):
    from tensorflow import keras
else:
    import keras

layers = keras.layers
MPO = ["node", str(pathlib.Path(__file__).parents[2] / "cli/dist/main.js")]
PHOTO = (160, 120)
COUNTS = {"clean/train": 1200, "clean/test": 300, "drifted/test": 300, "arriving": 384, "arriving-drifted": 384}


# --- Photos ---------------------------------------------------------------------------------------------------------


def draw(kind, random):
    """An animal before a background of many colours, anywhere in the picture."""
    background = random.integers(40, 216, (4, 5, 3)).astype("uint8")
    photo = Image.fromarray(background).resize(PHOTO, Image.BICUBIC)
    pen = ImageDraw.Draw(photo)
    r = random.uniform(22, 34)
    x, y = random.uniform(60, 100), random.uniform(45, 75)
    fur = tuple(int(value) for value in random.integers(30, 226, 3))
    dark = tuple(value // 3 for value in fur)
    pen.ellipse((x - r, y - r, x + r, y + r), fill=fur)
    for side in (-1, 1):
        if kind == "cat":
            ear = [(x + side * r * 0.9, y - r * 0.4), (x + side * r * 0.8, y - r * 1.6), (x + side * r * 0.2, y - r * 0.9)]
            pen.polygon(ear, fill=fur)
            for whisker in (-4, 0, 4):
                pen.line((x + side * 6, y + 8, x + side * r * 1.3, y + 8 + whisker * 2), fill=dark)
        elif kind == "dog":
            left, right = sorted((x + side * r * 0.7, x + side * r * 1.3))
            pen.ellipse((left, y - r * 0.6, right, y + r * 0.9), fill=dark)
        elif kind == "rabbit":
            left, right = sorted((x + side * r * 0.15, x + side * r * 0.55))
            pen.ellipse((left, y - r * 1.9, right, y - r * 0.5), fill=fur)
        else:  # a bear
            pen.ellipse((x + side * r * 0.8 - 9, y - r - 5, x + side * r * 0.8 + 9, y - r + 13), fill=dark)
        pen.ellipse((x + side * r * 0.4 - 4, y - 8, x + side * r * 0.4 + 4, y), fill=dark)
    pen.ellipse((x - 5, y + 4, x + 5, y + 11), fill=dark)
    pixels = np.asarray(photo).astype("float32")
    return pixels * random.uniform(0.8, 1.1) + random.normal(0, 6, pixels.shape)


def drift(pixels, random):
    return pixels * 0.35 + random.normal(0, 10, pixels.shape)


def write_photos(folder, classes, random):
    for part, count in COUNTS.items():
        for index in range(count):
            kind = classes[index % len(classes)]
            pixels = draw(kind, random)
            if "drifted" in part:
                pixels = drift(pixels, random)
            # What arrives has no labels, only a batch.
            under = f"batch-{index // 32:02}" if part.startswith("arriving") else kind
            path = folder / part / under / f"{index:04}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.clip(0, 255).astype("uint8")).save(path, quality=92)


def read_photos(folder, kind):
    """[n, side, side, 3] of 0..255 and labels: sorted and resized as Keras' `image_dataset_from_directory` does."""
    _, classes, side, crop, _, _ = KINDS[kind]
    resizing = layers.Resizing(side, side, crop_to_aspect_ratio=crop)
    images, labels = [], []
    for name in sorted(classes):
        for path in sorted((folder / name).iterdir()):
            pixels = np.asarray(Image.open(path).convert("RGB"), dtype="float32")
            images.append(np.array(resizing(pixels[None]))[0])
            labels.append(classes.index(name))
    return np.stack(images), np.array(labels)


# --- Models ---------------------------------------------------------------------------------------------------------


def fit(model, x, y, epochs, rate=2e-3):
    loss = "binary_crossentropy" if model.output_shape[-1] == 1 else "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Adam(rate), loss=loss, metrics=["accuracy"])
    model.fit(x, y, batch_size=32, epochs=epochs, verbose=2)


def mobile_net(side):
    base = keras.applications.MobileNetV2(input_shape=(side, side, 3), alpha=0.35, include_top=False, weights=None)
    for layer in base.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.9  # 0.999 is for long trainings
    return base


def cats_dogs(x, y, side, _):
    """One sigmoid; pictures as they are read, 0..255."""
    stack = [layers.Rescaling(1 / 255, input_shape=(side, side, 3)), layers.RandomFlip("horizontal")]
    for filters in (16, 32, 64):
        stack += [layers.Conv2D(filters, 3, padding="same", use_bias=False), layers.BatchNormalization(momentum=0.9)]
        stack += [layers.ReLU(), layers.MaxPooling2D()]
    model = keras.Sequential([*stack, layers.Flatten(), layers.Dropout(0.3), layers.Dense(1, activation="sigmoid")])
    fit(model, x, y, 8)
    return model


def teachable(x, y, side, classes):
    """As Teachable Machine builds it: Sequential of the body and of the head."""
    body = keras.Sequential([mobile_net(side), layers.GlobalAveragePooling2D()])
    head = keras.Sequential(
        [
            layers.Dense(100, activation="relu", input_shape=body.output_shape[1:]),
            layers.Dense(len(classes), activation="softmax", use_bias=False),
        ]
    )
    model = keras.Sequential([body, head])
    fit(model, x, y, 8)
    return model


def transfer(x, y, side, classes):
    """As Keras' guide of transfer learning builds it: a body that is trained before and then frozen, and a head."""
    pixels = keras.Input((side, side, 3))
    features = pixels
    for filters in (16, 32, 64, 64):  # Keras 3 on jax takes minutes for an epoch of MobileNetV2
        features = layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False)(features)
        features = layers.ReLU(max_value=6)(layers.BatchNormalization(momentum=0.9)(features))
    base = keras.Model(pixels, features, name="body")
    pixels = keras.Input((side, side, 3))
    pooled = layers.GlobalAveragePooling2D()(base(pixels))
    before = keras.Model(pixels, layers.Dense(len(classes), activation="softmax")(pooled))
    fit(before, x, y, 12)
    base.trainable = False
    inputs = keras.Input((side, side, 3))
    pooled = layers.GlobalAveragePooling2D()(base(inputs, training=False))
    outputs = layers.Dense(len(classes), activation="softmax")(layers.Dropout(0.2)(pooled))
    model = keras.Model(inputs, outputs)
    fit(model, x, y, 4)
    return model


# How it is built, its classes by output, its side, whether photos are cropped, what it takes of 0..255, how that is said
KINDS = {
    "cats-dogs": (cats_dogs, ["cat", "dog"], 64, False, lambda x: x, ["--input-filter", "bilinear-plain"]),
    "teachable": (teachable, ["rabbit", "cat", "dog"], 96, True, lambda x: x / 127 - 1, ["--input-filter", "bilinear-plain"]),
    "transfer": (
        *(transfer, ["bear", "cat", "dog", "rabbit"], 64, False, lambda x: x / 127.5 - 1),
        ["--input-range", "symmetric", "--input-filter", "bilinear-plain"],
    ),
}


def save(kind, model, folder, classes, side):
    folder.mkdir(parents=True, exist_ok=True)
    if kind == "cats-dogs":
        model.save(folder / "cats-dogs.h5")
    elif kind == "transfer":
        model.save(folder / "transfer.keras")
    else:
        save_layers_json(model, folder)
        metadata = {"tfjsVersion": "1.3.1", "tmVersion": "2.4.5", "packageVersion": "0.8.4", "labels": classes}
        metadata |= {"packageName": "@teachablemachine/image", "modelName": "animals", "imageSize": side}
        (folder / "metadata.json").write_text(json.dumps(metadata))


def save_layers_json(model, folder):
    weights = [(weight.name.split(":")[0], np.array(weight)) for weight in model.weights]
    (folder / "weights.bin").write_bytes(b"".join(value.tobytes() for _, value in weights))
    specs = [{"name": name, "shape": value.shape, "dtype": "float32"} for name, value in weights]
    topology = {"keras_version": "2.15.0", "backend": "tensorflow", "model_config": json.loads(model.to_json())}
    manifest = [{"paths": ["weights.bin"], "weights": specs}]
    text = json.dumps({"format": "layers-model", "modelTopology": topology, "weightsManifest": manifest})
    (folder / "model.json").write_text(text)


def load_retrained(folder):
    """As in the guide of the serving folder."""
    stored = json.loads((folder / "model.json").read_text())
    model = keras.Model.from_config(stored["modelTopology"]["config"])
    values, at = {}, 0
    [group] = stored["weightsManifest"]
    data = np.frombuffer(b"".join((folder / path).read_bytes() for path in group["paths"]), "float32")
    for spec in group["weights"]:
        values[spec["name"]] = data[at : (at := at + int(np.prod(spec["shape"])))].reshape(spec["shape"])
    for layer in model.layers:
        names = [weight.name.split(":")[0].split("/")[-1] for weight in layer.weights]
        layer.set_weights([values[f"{layer.name}/{name}"] for name in names])
    return model


# --- From photos to the agent's model -------------------------------------------------------------------------------


def mpo(*args):
    done = subprocess.run([*MPO, *map(str, args), "--json"], capture_output=True, text=True)
    for line in done.stderr.splitlines():
        print(f"      {line}")
    if done.returncode != 0:
        sys.exit(f"mpo {' '.join(map(str, args))}: exit code {done.returncode}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def compare(title, kind, model, weights, photos, out):
    """Accuracy as both compute it, and the photos on whose class they differ."""
    prepare = KINDS[kind][4]
    accuracy = mpo("evaluate", "--weights", weights, "--dataset", "folder", "--data", photos)[0]["accuracy"]
    mpo("predict", "--weights", weights, "--input", photos / "test", "-o", out / "y.npy", "--probabilities", "--force")
    given = np.load(out / "y.npy")
    x, y = read_photos(photos / "test", kind)
    p = np.array(model.predict(prepare(x), verbose=0))
    p = np.concatenate([1 - p, p], 1) if p.shape[1] == 1 else p
    differ = (p.argmax(1) != given.argmax(1)).sum()
    same = f"{differ} of {len(y)} photos differ, probabilities by {abs(p - given).max():.1e} at most"
    print(f"{title}: Keras {(p.argmax(1) == y).mean():.4f}, mpo {accuracy:.4f}; {same}", flush=True)


def wait(what, seconds, processes):
    end = time.time() + seconds
    while not (found := what()):
        for process in processes:
            if process.poll() is not None:
                sys.exit(f"a daemon ended with {process.returncode}")
        if time.time() > end:
            sys.exit("it did not come in time")
        time.sleep(1)
    return found


def drop(photos, inputs):
    """A folder of photos a batch, under a hidden name first, as the guide says."""
    for batch in sorted(photos.iterdir()):
        hidden = inputs / f".{photos.name}-{batch.name}"
        subprocess.run(["cp", "-r", batch, hidden], check=True)
        hidden.rename(inputs / hidden.name[1:])


def run_fleet(model_folder, photos, out):
    """Returns the folder of the agent's retrained model."""
    serving = out / "serving"
    model = serving / "animals"
    subprocess.run(["rm", "-rf", serving, out / "agent", out / "coordinator"], check=True)
    model.mkdir(parents=True)
    subprocess.run(["cp", "-r", model_folder, model / "model"], check=True)
    (model / "inputs").mkdir()
    with open(out / "coordinator.log", "w") as one, open(out / "agent.log", "w") as two:
        args = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--window", "5min", "--data", out / "coordinator"]
        coordinator = subprocess.Popen([*MPO, "coordinator", "--json", *args], stdout=subprocess.PIPE, stderr=one, text=True)
        processes = [coordinator]
        try:
            at = json.loads(coordinator.stdout.readline())["grpc"]
            args = ["--coordinator", at, "--device", "pi", "--data", out / "agent", "--serving", serving]
            args += ["--cpu-share", "equal", "--probe-patience", "5s", "--tick", "1s", "--probe-time", "60s"]
            args += ["--window-pause", "10s"]
            processes.append(subprocess.Popen([*MPO, "agent", "--json", *args], stdout=two, stderr=two, text=True))
            drop(photos / "arriving", model / "inputs")
            events = lambda: [record.get("kind") for record in mpo("events", "--coordinator", at)]
            wait(lambda: "document-applied" in events(), 300, processes)
            drop(photos / "arriving-drifted", model / "inputs")
            manifest = model / "retrained" / "manifest.json"
            wait(manifest.exists, 400, processes)
            for record in mpo("events", "--coordinator", at):
                print("   ", json.dumps(record))
            return manifest.parent / json.loads(manifest.read_text())["current"]["folder"]
        finally:
            for process in reversed(processes):
                process.terminate()
                process.wait()


def main(out, kind):
    build, classes, side, _, prepare, stated = KINDS[kind]
    photos, model_folder = out / "photos", out / "model"
    if not photos.exists():
        write_photos(photos, classes, np.random.default_rng(1))
    if not model_folder.exists():
        keras.utils.set_random_seed(7)
        x, y = read_photos(photos / "clean/train", kind)
        model = build(prepare(x), y, side, classes)
        model.save(out / "trained.keras")
        save(kind, model, model_folder, classes, side)
    model = keras.models.load_model(out / "trained.keras")
    mpo("models", "describe", model_folder, *stated, "--write-card")
    compare("clean", kind, model, model_folder, photos / "clean", out)
    compare("drifted, before", kind, model, model_folder, photos / "drifted", out)
    retrained = run_fleet(model_folder, photos, out)
    compare("drifted, after", kind, load_retrained(retrained), retrained, photos / "drifted", out)
    compare("clean, after", kind, load_retrained(retrained), retrained, photos / "clean", out)


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[2] not in KINDS:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]).absolute(), sys.argv[2])
