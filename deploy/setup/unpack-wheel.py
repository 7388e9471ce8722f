"""Unpacks TensorFlow's libraries and C headers from its wheel, each checked against the wheel's own list of hashes.

usage: python3 unpack-wheel.py WHEEL TARGET

Writes TARGET/lib and TARGET/include. Prints "version VERSION", then lines "DONE TOTAL" in bytes while it works.
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
LIBRARIES = ("tensorflow/libtensorflow_cc.so.2", "tensorflow/libtensorflow_framework.so.2")
# A wheel may keep its package where the wheel format puts what is installed elsewhere ("NAME-VERSION.data/purelib/").
PACKAGE = re.compile(r"^((?:[^/]+\.data/(?:purelib|platlib)/)?)tensorflow/include/tensorflow/c/c_api\.h$")
# The headers that tfjs-node's addon names. What these include in turn moves from release to release, so it is followed.
HEADERS = ("tensorflow/c/c_api.h", "tensorflow/c/eager/c_api.h", "tensorflow/core/platform/ctstring_internal.h")
INCLUDE_FOLDER = "tensorflow/include/"
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
# "NAME.libs/" holds what a wheel brings along for its libraries (the aarch64 wheel: OpenMP). They look for it beside
# themselves too, so it goes to the same folder.
BESIDE_LIBRARIES = re.compile(r"(?:[^/]+\.data/(?:purelib|platlib)/)?[^/]+\.libs/([^/]+)$")


def stop(code, message):
    sys.stderr.write(message + "\n")
    sys.exit(code)


def package_folder(names):
    """What stands before "tensorflow/" in the wheel; usually nothing."""
    return next((match.group(1) for match in map(PACKAGE.match, names) if match), "")


def library_in(names, library):
    """A library's name in the wheel: as it is loaded, or of one exact release, or without any (a wheel holds no links)."""
    stem = re.escape(library[: -len(".2")])
    others = (name for name in sorted(names) if re.match(stem + r"(\.2(\.\d+)*)?$", name))
    return library if library in names else next(others, library)


def followed_headers(archive, folder):
    """The addon's headers and all that they include, those that are missing too."""
    names = set(archive.namelist())
    headers = list(HEADERS)
    for header in headers:
        if folder + header in names:
            source = archive.read(folder + header).decode("utf-8")
            headers += [found for found in dict.fromkeys(INCLUDE.findall(source)) if found not in headers]
    return headers


def places_of(archive):
    """Where each part that is kept goes, by its name in the wheel; parts that are missing from it too."""
    names = archive.namelist()
    package = package_folder(names)
    places = {library_in(names, package + name): "lib/" + os.path.basename(name) for name in LIBRARIES}
    include = package + INCLUDE_FOLDER
    places.update({include + header: "include/" + header for header in followed_headers(archive, include)})
    for name in names:
        match = BESIDE_LIBRARIES.match(name)
        if match:
            places[name] = "lib/" + match.group(1)
    return {name: place for name, place in places.items() if ".." not in name.split("/")}


def open_wheel(wheel):
    try:
        archive = zipfile.ZipFile(wheel)
        record = next(name for name in archive.namelist() if name.endswith(".dist-info/RECORD"))
    except (zipfile.BadZipFile, StopIteration) as error:
        stop(2, "%s is not a wheel: %s" % (wheel, error or "it has no RECORD"))
    rows = csv.reader(io.StringIO(archive.read(record).decode("utf-8")))
    return archive, record.split(".dist-info/")[0].rpartition("-")[2], {row[0]: row[1].partition("=")[2] for row in rows if len(row) > 1}


def main(wheel, target):
    archive, version, hashes = open_wheel(wheel)
    print("version", version, flush=True)
    places = places_of(archive)
    missing = set(places) - set(archive.namelist())
    if missing:
        stop(3, "%s (version %s) holds no %s" % (os.path.basename(wheel), version, ", no ".join(sorted(missing))))
    kept = [archive.getinfo(name) for name in places]
    total = sum(info.file_size for info in kept)
    done = 0
    for info in kept:
        path = os.path.join(target, places[info.filename])
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
