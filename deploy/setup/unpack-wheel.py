"""Unpacks TensorFlow's libraries and C headers from its wheel, each checked against the wheel's own list of hashes.

usage: python3 unpack-wheel.py WHEEL TARGET

Writes TARGET/lib and TARGET/include. Prints lines "DONE TOTAL" in bytes while it works.
Exit codes: 2 not a wheel, 3 a needed part is missing, 4 a hash is wrong, 5 disk full.
"""

import base64
import csv
import errno
import hashlib
import io
import os
import re
import sys
import zipfile

CHUNK_BYTES = 4 << 20
NEEDED = (
    "tensorflow/libtensorflow_cc.so.2",
    "tensorflow/libtensorflow_framework.so.2",
    "tensorflow/include/tensorflow/c/c_api.h",
    "tensorflow/include/tensorflow/c/eager/c_api.h",
)
# "NAME.libs/" holds what a wheel brings along for its libraries (the aarch64 wheel: OpenMP). They look for it beside
# themselves too, so it goes to the same folder.
PLACES = (
    (re.compile(r"tensorflow/(libtensorflow_(?:cc|framework)\.so\.2)$"), "lib/"),
    (re.compile(r"[^/]+\.libs/([^/]+)$"), "lib/"),
    (re.compile(r"tensorflow/include/((?:tensorflow|tsl)/c/.+\.h)$"), "include/"),
    (re.compile(r"tensorflow/include/((?:tensorflow/core|tsl)/platform/ctstring[a-z_]*\.h)$"), "include/"),
)


def stop(code, message):
    sys.stderr.write(message + "\n")
    sys.exit(code)


def place(name):
    for pattern, folder in PLACES:
        match = pattern.match(name)
        if match and ".." not in name.split("/"):
            return folder + match.group(1)
    return None


def open_wheel(wheel):
    try:
        archive = zipfile.ZipFile(wheel)
        record = next(name for name in archive.namelist() if name.endswith(".dist-info/RECORD"))
    except (zipfile.BadZipFile, StopIteration) as error:
        stop(2, "%s is not a wheel: %s" % (wheel, error or "it has no RECORD"))
    rows = csv.reader(io.StringIO(archive.read(record).decode("utf-8")))
    return archive, {row[0]: row[1].partition("=")[2] for row in rows if len(row) > 1}


def main(wheel, target):
    archive, hashes = open_wheel(wheel)
    kept = [info for info in archive.infolist() if place(info.filename)]
    missing = set(NEEDED) - {info.filename for info in kept}
    if missing:
        stop(3, "%s holds no %s" % (os.path.basename(wheel), ", no ".join(sorted(missing))))
    total = sum(info.file_size for info in kept)
    done = 0
    for info in kept:
        path = os.path.join(target, place(info.filename))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        digest = hashlib.sha256()
        with archive.open(info) as source, open(path, "wb") as sink:
            for chunk in iter(lambda: source.read(CHUNK_BYTES), b""):
                digest.update(chunk)
                sink.write(chunk)
                done += len(chunk)
                print(done, total, flush=True)
        found = base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
        if found != hashes.get(info.filename):
            stop(4, "%s in %s does not match the wheel's list of hashes" % (info.filename, wheel))


try:
    main(*sys.argv[1:])
except zipfile.BadZipFile as error:
    stop(4, "damaged wheel: %s" % error)
except OSError as error:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        stop(5, "No space left on device: %s" % error.filename)
    raise
