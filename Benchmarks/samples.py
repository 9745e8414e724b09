"""Random samples for training runs whose times do not depend on what they learn."""

import os
import pathlib
import struct


def write_numbers(path, kind, shape, data):
    """Writes an array as NumPy does."""
    header = repr({"descr": kind, "fortran_order": False, "shape": tuple(shape)}).encode()
    header += b" " * (-(10 + len(header) + 1) % 64) + b"\n"
    pathlib.Path(path).write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data)


def write_samples(folder, count, shape, classes):
    """Writes random images and labels of some classes to a folder, which is made where it is missing."""
    os.makedirs(folder, exist_ok=True)
    size = count
    for extent in shape:
        size *= extent
    write_numbers(f"{folder}/train-images.npy", "|u1", (count, *shape), os.urandom(size))
    # The last class is among them, so that the labels fit the network's outputs.
    labels = [(index * 389 + classes - 1) % classes for index in range(count)]
    write_numbers(f"{folder}/train-labels.npy", "<i8", (count,), struct.pack(f"<{count}q", *labels))
