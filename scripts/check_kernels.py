#!/usr/bin/env python3
"""Compares the kernels with PyTorch, number by number: one training step of a small network per operator.

Usage: check_kernels.py BINARY [--with-torch] [--torch-python PYTHON] [--only PART-OF-A-NAME]. Needs the onnx
package (`make deps`). Each network leads from a convolution or a dense layer through the operator to a dense
layer, so that the loss shows its forward kernel, and the trained weights its gradients. PyTorch computes in
float64; the greatest error of the loss and of every weight's change must be below 1e-5 of the greatest change.
Dropout is left out: its masks are ours. Without PyTorch nothing is compared, and the last line says so.
"""

import argparse
import json
import math
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

import onnx
from onnx import TensorProto, helper

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Benchmarks"))
import torch_install  # noqa: E402
from samples import write_numbers  # noqa: E402

TOLERANCE = 1e-5
BATCH, CLASSES, RATE = 4, 5, 20.0


def single(number):
    """The float32 that is nearest."""
    return struct.unpack("<f", struct.pack("<f", number))[0]


class Network:
    """A network that is built up node by node, for ONNX and for PyTorch at once."""

    def __init__(self, name, shape, opset=17, indices=0):
        self.name, self.shape, self.opset, self.indices = name, shape, opset, indices
        self.random = random.Random(name)
        self.tensors, self.trained, self.nodes, self.count = {}, [], [], 0
        if indices:
            given = [self.random.randrange(indices) for _ in range(math.prod(shape))]
            self.constant("x", "int64", shape, given)
        else:
            self.constant("x", "float32", shape, self.standardised(shape))
        labels = [self.random.randrange(CLASSES) for _ in range(shape[0])]
        labels[0] = CLASSES - 1
        self.constant("labels", "int64", [shape[0]], labels)

    def standardised(self, shape):
        """Numbers of mean zero and deviation one in each channel, which training leaves as they are."""
        places = math.prod(shape[2:])
        values = [self.random.uniform(-2, 2) for _ in range(math.prod(shape))]
        for channel in range(shape[1]):
            own = [index for index in range(len(values)) if index // places % shape[1] == channel]
            mean = sum(values[index] for index in own) / len(own)
            deviation = math.sqrt(sum((values[index] - mean) ** 2 for index in own) / len(own))
            for index in own:
                values[index] = single((values[index] - mean) / deviation)
        return values

    def constant(self, name, kind, shape, values):
        self.tensors[name] = {"type": kind, "shape": list(shape), "values": list(values)}
        return name

    def numbers(self, *values):
        """A tensor of whole numbers that says how an operator works."""
        self.count += 1
        return self.constant(f"numbers{self.count}", "int64", [len(values)], values)

    def number(self, value):
        self.count += 1
        return self.constant(f"number{self.count}", "float32", [], [single(value)])

    def weight(self, *shape, low=None, high=None, reach=1.0, trained=True):
        self.count += 1
        name = f"weight{self.count}"
        reach *= math.sqrt(3 / max(1, math.prod(shape[1:])))
        low, high = (-reach, reach) if low is None else (low, high)
        values = [single(self.random.uniform(low, high)) for _ in range(math.prod(shape))]
        if trained:
            self.trained.append(name)
        return self.constant(name, "float32", shape, values)

    def node(self, operator, *inputs, outputs=1, name=None, **attributes):
        self.count += 1
        names = [name or f"value{self.count}.{index}" for index in range(outputs)]
        self.nodes.append(
            {"operator": operator, "inputs": list(inputs), "outputs": names, "attributes": attributes}
        )
        return names[0] if outputs == 1 else names

    def finish(self, value, features):
        """A dense layer to the classes, which the loss is taken of."""
        flat = self.node("Flatten", value)
        self.node(
            "Gemm", flat, self.weight(CLASSES, features, reach=0.3), self.weight(CLASSES), transB=1,
            name="logits",
        )
        return self

    def model(self):
        kinds = {"int64": TensorProto.INT64, "float32": TensorProto.FLOAT}
        nodes = [
            helper.make_node(node["operator"], node["inputs"], node["outputs"], **node["attributes"])
            for node in self.nodes
        ]
        stored = [
            helper.make_tensor(name, kinds[given["type"]], given["shape"], given["values"])
            for name, given in self.tensors.items()
            if name not in ["x", "labels"]
        ]
        kind = kinds[self.tensors["x"]["type"]]
        graph = helper.make_graph(
            nodes,
            "network",
            [helper.make_tensor_value_info("x", kind, self.shape)],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [self.shape[0], CLASSES])],
            stored,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)])
        model.ir_version = 8
        onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString()

    def case(self):
        return {"tensors": self.tensors, "trained": self.trained, "nodes": self.nodes, "rate": RATE}


# MARK: Networks


def image(name, size=9, channels=6, opset=17, has_bias=True):
    """A network that begins with a convolution, and its value of six channels."""
    network = Network(name, [BATCH, 3, size, size], opset)
    bias = [network.weight(channels)] if has_bias else []
    value = network.node("Conv", "x", network.weight(channels, 3, 3, 3), *bias, pads=[1, 1, 1, 1])
    return network, value


def convolutions():
    variants = [
        ("convolution", [7, 6, 3, 3], {"pads": [1, 1, 1, 1]}, 9),
        ("convolution by 2", [7, 6, 3, 3], {"pads": [1, 1, 1, 1], "strides": [2, 2]}, 5),
        ("convolution 5×5 of 20 and 50 channels", [50, 20, 5, 5], {}, 5),
        ("convolution of unequal padding", [7, 6, 2, 3], {"pads": [0, 1, 1, 2], "strides": [1, 2]}, None),
        ("dilated convolution", [7, 6, 3, 3], {"pads": [2, 2, 2, 2], "dilations": [2, 2]}, 9),
        ("convolution in groups", [9, 2, 3, 3], {"pads": [1, 1, 1, 1], "group": 3}, 9),
        ("depthwise convolution", [6, 1, 3, 3], {"pads": [1, 1, 1, 1], "group": 6}, 9),
        ("convolution of places", [7, 6, 1, 1], {}, 9),
        ("convolution of places by 2", [7, 6, 1, 1], {"strides": [2, 2]}, 5),
    ]
    for name, shape, attributes, size in variants:
        network, value = image(name, channels=20 if shape[0] == 50 else 6)
        value = network.node("Conv", value, network.weight(*shape), network.weight(shape[0]), **attributes)
        places = 9 * 5 if size is None else size * size
        yield network.finish(value, shape[0] * places)
    network, value = image("convolution of many places", size=20)
    value = network.node("Conv", value, network.weight(7, 6, 1, 1), network.weight(7))
    value = network.node("MaxPool", value, kernel_shape=[5, 5], strides=[5, 5])
    yield network.finish(value, 7 * 16)
    network = Network("convolution over one dimension", [BATCH, 3, 11])
    value = network.node("Conv", "x", network.weight(6, 3, 3), pads=[1, 1])
    value = network.node("Conv", value, network.weight(7, 6, 3), network.weight(7), strides=[2])
    yield network.finish(value, 7 * 5)


def products():
    network = Network("dense", [BATCH, 12])
    value = network.node("Gemm", "x", network.weight(15, 12), network.weight(15), transB=1)
    value = network.node("Gemm", value, network.weight(15, 9), network.weight(9), alpha=0.5, beta=2.0)
    yield network.finish(value, 9)
    network = Network("product with a parameter", [BATCH, 6, 5])
    value = network.node("MatMul", "x", network.weight(5, 7))
    value = network.node("MatMul", value, network.weight(7, 8))
    yield network.finish(value, 48)
    network = Network("product of activations", [BATCH, 6, 5])
    left = network.node("MatMul", "x", network.weight(5, 7))
    right = network.node("Transpose", network.node("MatMul", "x", network.weight(5, 7)), perm=[0, 2, 1])
    yield network.finish(network.node("MatMul", left, right), 36)


def poolings():
    variants = [
        ("max pooling 2×2 by 2", "MaxPool", {"kernel_shape": [2, 2], "strides": [2, 2]}, 4),
        (
            "max pooling 3×3 by 2", "MaxPool",
            {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}, 5,
        ),
        (
            "max pooling, rounded up", "MaxPool",
            {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}, 5,
        ),
        ("average pooling", "AveragePool", {"kernel_shape": [3, 3], "strides": [2, 2]}, 4),
        (
            "average pooling over the padding", "AveragePool",
            {"kernel_shape": [3, 3], "strides": [1, 1], "pads": [1, 1, 1, 1], "count_include_pad": 1}, 9,
        ),
        (
            "average pooling beside the padding", "AveragePool",
            {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}, 5,
        ),
        ("global average pooling", "GlobalAveragePool", {}, 1),
        ("global max pooling", "GlobalMaxPool", {}, 1),
    ]  # fmt: skip
    for name, operator, attributes, size in variants:
        network, value = image(name)
        # Without it the means are nearly zero, and nothing but rounding.
        value = network.node("Relu", value) if operator == "GlobalAveragePool" else value
        yield network.finish(network.node(operator, value, **attributes), 6 * size * size)


def batch_normalization(network, value, channels):
    scale, bias = network.weight(channels, low=0.5, high=1.5), network.weight(channels)
    mean = network.weight(channels, low=-0.1, high=0.1, trained=False)
    variance = network.weight(channels, low=0.5, high=1.5, trained=False)
    return network.node("BatchNormalization", value, scale, bias, mean, variance, training_mode=0)


def normalizations():
    # What a bias adds the normalisation takes off again: its gradient is nothing but rounding.
    network, value = image("batch normalisation", has_bias=False)
    yield network.finish(batch_normalization(network, value, 6), 6 * 81)
    network = Network("batch normalisation of vectors", [BATCH, 12])
    value = network.node("Gemm", "x", network.weight(15, 12), transB=1)
    yield network.finish(batch_normalization(network, value, 15), 15)
    network = Network("layer normalisation", [BATCH, 6, 5])
    value = network.node("MatMul", "x", network.weight(5, 11))
    value = network.node(
        "LayerNormalization", value, network.weight(11, low=0.5, high=1.5), network.weight(11), axis=-1
    )
    yield network.finish(value, 66)
    network, value = image("local response normalisation")
    value = network.node("LRN", value, size=5, alpha=0.1, beta=0.75, bias=1.0)
    yield network.finish(value, 6 * 81)
    for name, operator in [("softmax", "Softmax"), ("logarithm of the softmax", "LogSoftmax")]:
        network = Network(name, [BATCH, 6, 5])
        value = network.node("MatMul", "x", network.weight(5, 11))
        yield network.finish(network.node(operator, value, axis=2), 66)


def functions():
    plain = [
        ("Relu", {}), ("LeakyRelu", {"alpha": 0.1}), ("Sigmoid", {}), ("Tanh", {}), ("Gelu", {}),
        ("Elu", {"alpha": 0.7}), ("HardSigmoid", {"alpha": 0.25, "beta": 0.4}), ("HardSwish", {}),
        ("Erf", {}), ("Exp", {}), ("Neg", {}), ("Abs", {}), ("Softplus", {}),
    ]  # fmt: skip
    for operator, attributes in plain:
        network, value = image(operator, opset=20 if operator == "Gelu" else 17)
        yield network.finish(network.node(operator, value, **attributes), 6 * 81)
    for operator in ["Log", "Sqrt", "Reciprocal"]:
        network, value = image(operator)
        # Positive, and not near zero, where these have poles.
        value = network.node("Add", network.node("Softplus", value), network.number(0.5))
        yield network.finish(network.node(operator, value), 6 * 81)
    network, value = image("Clip")
    value = network.node("Clip", value, network.number(-0.6), network.number(0.8))
    yield network.finish(value, 6 * 81)
    network, value = image("PRelu")
    yield network.finish(network.node("PRelu", value, network.weight(6, 1, 1)), 6 * 81)


def arithmetic():
    for operator in ["Add", "Sub", "Mul", "Div", "Max", "Min", "Pow"]:
        network, left = image(f"{operator} of two")
        right = network.node("Conv", "x", network.weight(6, 3, 1, 1))
        if operator in ["Div", "Pow"]:
            right = network.node("Add", network.node("Softplus", right), network.number(0.5))
        if operator == "Pow":
            left = network.node("Add", network.node("Softplus", left), network.number(0.5))
        yield network.finish(network.node(operator, left, right), 6 * 81)
    for operator in ["Add", "Mul"]:
        network, value = image(f"{operator} with channels")
        yield network.finish(network.node(operator, value, network.weight(6, 1, 1, low=-1, high=1)), 6 * 81)
    network, value = image("Mul with the mean of a plane")
    mean = network.node("GlobalAveragePool", network.node("Conv", "x", network.weight(6, 3, 1, 1)))
    shifted = network.node("Add", network.node("Sigmoid", mean), network.number(0.2))
    yield network.finish(network.node("Mul", value, shifted), 6 * 81)
    network, value = image("scale by a number")
    yield network.finish(network.node("Mul", value, network.number(0.3)), 6 * 81)


def shapes():
    network, value = image("two uses of a value")
    branch = network.node("Conv", value, network.weight(6, 6, 1, 1))
    yield network.finish(network.node("Add", value, branch), 6 * 81)
    network, value = image("concatenation")
    branch = network.node("Conv", value, network.weight(4, 6, 1, 1))
    yield network.finish(network.node("Concat", value, branch, axis=1), 10 * 81)
    network, value = image("split")
    parts = network.node("Split", value, network.numbers(2, 4), outputs=2, axis=1)
    second = network.node("Conv", parts[1], network.weight(2, 4, 1, 1))
    yield network.finish(network.node("Mul", parts[0], second), 2 * 81)
    network, value = image("slice")
    value = network.node(
        "Slice", value, network.numbers(1, 0), network.numbers(5, 9), network.numbers(1, 3),
        network.numbers(1, 2),
    )
    yield network.finish(value, 4 * 9 * 5)
    network, value = image("reshape and transpose")
    value = network.node("Reshape", value, network.numbers(BATCH, 2, 3, 81))
    yield network.finish(network.node("Transpose", value, perm=[0, 3, 1, 2]), 6 * 81)
    for mode in ["constant", "reflect", "edge"]:
        network, value = image(f"padding, {mode}")
        value = network.node("Pad", value, network.numbers(0, 0, 1, 2, 0, 0, 3, 1), mode=mode)
        yield network.finish(value, 6 * 13 * 12)
    network, value = image("gather")
    yield network.finish(network.node("Gather", value, network.numbers(4, 0, 4), axis=1), 3 * 81)
    network = Network("embedding", [BATCH, 7], indices=11)
    value = network.node("Gather", network.weight(11, 6, low=-1, high=1), "x", axis=0)
    yield network.finish(value, 42)
    for name, operator, axes, count in [
        ("mean over places", "ReduceMean", [2, 3], 6), ("mean over channels", "ReduceMean", [1], 81),
        ("maximum over channels", "ReduceMax", [1], 81),
    ]:  # fmt: skip
        network, value = image(name)
        value = network.node(operator, network.node("Relu", value), axes=axes, keepdims=1)
        yield network.finish(value, count)
    network, value = image("sum over channels")
    yield network.finish(network.node("ReduceSum", value, network.numbers(1), keepdims=0), 81)


def blocks():
    """Operators between convolutions whose channels fill whole blocks."""
    def split(network, value):
        parts = network.node("Split", value, network.numbers(16, 16), outputs=2, axis=1)
        return network.node("Add", parts[0], network.node("Conv", parts[1], network.weight(16, 16, 1, 1)))

    def concatenation(network, value):
        branch = network.node("Conv", value, network.weight(16, 32, 1, 1))
        return network.node("Concat", value, branch, axis=1)

    def residual(network, value):
        branch = network.node("Conv", value, network.weight(32, 32, 3, 3), pads=[1, 1, 1, 1])
        return network.node("Relu", network.node("Add", value, branch))

    def pooling(operator, **attributes):
        return lambda network, value: network.node(
            operator, value, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], **attributes
        )

    variants = [
        ("nothing", lambda network, value: value, 32),
        ("relu", lambda network, value: network.node("Relu", value), 32),
        ("batch normalisation", lambda network, value: batch_normalization(network, value, 32), 32),
        ("max pooling", pooling("MaxPool"), 32),
        ("average pooling", pooling("AveragePool"), 32),
        ("average pooling over the padding", pooling("AveragePool", count_include_pad=1), 32),
        ("a residual sum", residual, 32),
        ("concatenation", concatenation, 48),
        ("split", split, 16),
    ]
    for name, layer, channels in variants:
        network, value = image(f"blocks, {name}", channels=32, has_bias=name != "batch normalisation")
        value = layer(network, value)
        weights = network.weight(16, channels, 3, 3), network.weight(16)
        value = network.node("Conv", value, *weights, pads=[1, 1, 1, 1])
        yield network.finish(network.node("GlobalAveragePool", network.node("Relu", value)), 16)


def networks():
    for family in [
        convolutions, products, poolings, normalizations, functions, arithmetic, shapes, blocks
    ]:  # fmt: skip
        yield from family()


# MARK: Partita


def trained_weights(path):
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    weights = {}
    for name, given in json.loads(data[8 : 8 + length]).items():
        if name != "__metadata__":
            begin, end = given["data_offsets"]
            part = data[8 + length + begin : 8 + length + end]
            weights[name] = struct.unpack(f"<{len(part) // 4}f", part)
    return weights


def partita(binary, network, kernels, threads, folder):
    """The loss and the trained weights of one step, or words that say what went wrong."""
    folder.mkdir()
    (folder / "model.onnx").write_bytes(network.model())
    given = network.tensors["x"]
    form, kind = ("q", "<i8") if network.indices else ("f", "<f4")
    samples = struct.pack(f"<{len(given['values'])}{form}", *given["values"])
    write_numbers(folder / "train-images.npy", kind, given["shape"], samples)
    labels = network.tensors["labels"]["values"]
    write_numbers(folder / "train-labels.npy", "<i8", [len(labels)], struct.pack(f"<{len(labels)}q", *labels))
    words = [binary, "train", folder / "model.onnx", "--data", folder, "--batch", BATCH, "--steps", 1]
    words += ["--optimizer", "sgd", "--learning-rate", RATE, "--deterministic", "off", "--threads", threads]
    words += ["--kernels", kernels, "--no-evaluation", "--out", folder / "weights.safetensors", "--json"]
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode != 0:
        return None, f"exit {done.returncode}: {done.stderr.strip()[-300:]}"
    step = next(event for event in map(json.loads, done.stdout.splitlines()) if event["event"] == "step")
    return {"loss": step["loss"], "weights": trained_weights(folder / "weights.safetensors")}, ""


# MARK: Comparison


def error(network, result, expected):
    """The greatest error of the loss, and of a weight relative to the greatest change of its tensor."""
    worst = abs(result["loss"] - expected["loss"]) / abs(expected["loss"])
    for name in network.trained:
        if name not in result["weights"]:
            return math.inf
        old, mine, right = network.tensors[name]["values"], result["weights"][name], expected["weights"][name]
        change = max(abs(a - b) for a, b in zip(right, old))
        difference = max(abs(a - b) for a, b in zip(mine, right))
        # A float32 near one cannot hold a smaller change than this.
        floor = 1e-7 * max(abs(number) for number in right)
        worst = max(worst, max(0, difference - floor) / max(change, 1e-30))
    return worst


def interpreter_of(options):
    if options.torch_python:
        return options.torch_python, {}
    try:
        if options.with_torch:
            torch_install.fetch()
    except torch_install.Unavailable as fault:
        sys.exit(f"PyTorch cannot be fetched: {fault}")
    return torch_install.environment() if torch_install.is_there() else None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("--with-torch", action="store_true", help="fetch PyTorch into .deps/torch (150 MB)")
    parser.add_argument("--torch-python", help="an interpreter that has PyTorch")
    parser.add_argument("--only", default="", help="networks whose names contain this")
    options = parser.parse_args()
    binary = str(pathlib.Path(options.binary).resolve())
    interpreter = interpreter_of(options)
    if interpreter is None:
        print("check_kernels: skipped, PyTorch is not installed (--with-torch fetches it)")
        return
    chosen = [network for network in networks() if options.only in network.name]
    problems = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "cases.json").write_text(json.dumps([network.case() for network in chosen]))
        program, variables = interpreter
        words = [program, str(ROOT / "Benchmarks/torch_kernels.py"), str(folder / "cases.json")]
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=300, env=os.environ | variables, check=False
        )
        if done.returncode != 0:
            sys.exit(f"{' '.join(words)}: exit {done.returncode}\n{done.stderr[-2000:]}")
        theirs = json.loads(done.stdout)
        heads = ["onednn", "2 threads", "reference", "PyTorch"]
        print(f"{'greatest relative error':44} {' '.join(f'{head:>9}' for head in heads)}")
        for index, (network, right) in enumerate(zip(chosen, theirs["results"])):
            shown = []
            for number, (kernels, threads) in enumerate([("onednn", 1), ("onednn", 2), ("reference", 1)]):
                place = folder / f"{index}-{number}"
                result, fault = partita(binary, network, kernels, threads, place)
                worst = error(network, result, right["float64"]) if result else math.inf
                if not worst <= TOLERANCE:
                    problems += 1
                    what = f"{network.name}, {kernels}, {threads} threads"
                    print(f"{what}: {worst:.1e} {fault}", file=sys.stderr)
                shown.append(f"{worst:9.1e}")
            shown.append(f"{error(network, right['float32'], right['float64']):9.1e}")
            print(f"{network.name:44} {' '.join(shown)}", flush=True)
    print(f"check_kernels: {len(chosen)} networks against PyTorch {theirs['version']}, {problems} problems")
    sys.exit(1 if problems else 0)


main()
