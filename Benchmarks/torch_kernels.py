#!/usr/bin/env python3
"""Computes one training step of small networks with PyTorch; scripts/check_kernels.py calls it.

Usage: torch_kernels.py CASES.json. Prints for each network the loss and the trained weights as JSON, computed
in float64 and in float32. Nodes have the names and attributes of ONNX, version 17 and 20.
"""

import json
import sys

import torch
from torch.nn import functional

torch.set_num_threads(1)


def padded(x, pads, value):
    """Padding in ONNX's order: all beginnings, then all ends; PyTorch wants the last dimension first."""
    count = len(pads) // 2
    pairs = [(pads[d], pads[count + d]) for d in range(count)]
    flat = [number for pair in reversed(pairs) for number in pair]
    return functional.pad(x, flat, value=value) if any(flat) else x


def window(attributes, rank):
    ones = [1] * rank
    pads = attributes.get("pads", [0] * 2 * rank)
    return attributes.get("strides", ones), attributes.get("dilations", ones), pads


def convolution(a, x, w, b=None):
    strides, dilations, pads = window(a, w.dim() - 2)
    function = [functional.conv1d, functional.conv2d, functional.conv3d][w.dim() - 3]
    return function(padded(x, pads, 0), w, b, strides, 0, dilations, a.get("group", 1))


def max_pool(a, x):
    strides, dilations, pads = window(a, 2)
    return functional.max_pool2d(
        padded(x, pads, float("-inf")), a["kernel_shape"], strides, 0, dilations, bool(a.get("ceil_mode", 0))
    )


def average_pool(a, x):
    strides, _, pads = window(a, 2)
    counts = bool(a.get("count_include_pad", 0))
    return functional.avg_pool2d(x, a["kernel_shape"], strides, pads[:2], bool(a.get("ceil_mode", 0)), counts)


def gemm(a, x, w, b=None):
    x = x.t() if a.get("transA", 0) else x
    w = w.t() if a.get("transB", 0) else w
    y = a.get("alpha", 1.0) * (x @ w)
    return y if b is None else y + a.get("beta", 1.0) * b


def layer_norm(a, x, scale, bias=None):
    return functional.layer_norm(x, scale.shape, scale, bias, a.get("epsilon", 1e-5))


def reduced(function):
    def reduce(a, x, axes=None):
        axes = a.get("axes") if axes is None else axes.tolist()
        return function(x, axes, bool(a.get("keepdims", 1)))

    return reduce


def sliced(a, x, starts, ends, axes, steps):
    for start, end, axis, step in zip(*(item.tolist() for item in [starts, ends, axes, steps])):
        x = x.index_select(axis, torch.arange(start, min(end, x.shape[axis]), step))
    return x


OPERATORS = {
    "Conv": convolution,
    "Gemm": gemm,
    "MatMul": lambda a, x, w: x @ w,
    "MaxPool": max_pool,
    "AveragePool": average_pool,
    "GlobalAveragePool": lambda a, x: x.mean((2, 3), True),
    "GlobalMaxPool": lambda a, x: x.amax((2, 3), True),
    "Relu": lambda a, x: functional.relu(x),
    "LeakyRelu": lambda a, x: functional.leaky_relu(x, a["alpha"]),
    "PRelu": lambda a, x, slope: functional.prelu(x, slope.flatten()),
    "Sigmoid": lambda a, x: torch.sigmoid(x),
    "Tanh": lambda a, x: torch.tanh(x),
    "Clip": lambda a, x, low, high: torch.clamp(x, low.item(), high.item()),
    "Gelu": lambda a, x: functional.gelu(x),
    "Elu": lambda a, x: functional.elu(x, a["alpha"]),
    "HardSigmoid": lambda a, x: torch.clamp(a["alpha"] * x + a["beta"], 0, 1),
    "HardSwish": lambda a, x: functional.hardswish(x),
    "Erf": lambda a, x: torch.erf(x),
    "Exp": lambda a, x: torch.exp(x),
    "Log": lambda a, x: torch.log(x),
    "Sqrt": lambda a, x: torch.sqrt(x),
    "Reciprocal": lambda a, x: torch.reciprocal(x),
    "Neg": lambda a, x: -x,
    "Abs": lambda a, x: torch.abs(x),
    "Softplus": lambda a, x: functional.softplus(x, threshold=80),
    "BatchNormalization": lambda a, x, scale, bias, mean, variance: functional.batch_norm(
        x, mean, variance, scale, bias, True, 0.1, a.get("epsilon", 1e-5)
    ),
    "LayerNormalization": layer_norm,
    "LRN": lambda a, x: functional.local_response_norm(x, a["size"], a["alpha"], a["beta"], a["bias"]),
    "Softmax": lambda a, x: functional.softmax(x, a["axis"]),
    "LogSoftmax": lambda a, x: functional.log_softmax(x, a["axis"]),
    "Add": lambda a, x, y: x + y,
    "Sub": lambda a, x, y: x - y,
    "Mul": lambda a, x, y: x * y,
    "Div": lambda a, x, y: x / y,
    "Pow": lambda a, x, y: x**y,
    "Max": lambda a, x, y: torch.maximum(x, y),
    "Min": lambda a, x, y: torch.minimum(x, y),
    "Concat": lambda a, *parts: torch.cat(parts, a["axis"]),
    "Split": lambda a, x, sizes: torch.split(x, sizes.tolist(), a["axis"]),
    "Slice": sliced,
    "Reshape": lambda a, x, shape: x.reshape([x.shape[0]] + shape.tolist()[1:]),
    "Flatten": lambda a, x: x.flatten(1),
    "Transpose": lambda a, x: x.permute(a["perm"]),
    "Pad": lambda a, x, pads: functional.pad(x, turned(pads.tolist()), mode=MODES[a.get("mode", "constant")]),
    "Gather": lambda a, x, indices: gathered(a.get("axis", 0), x, indices),
    "ReduceMean": reduced(lambda x, axes, keeps: x.mean(axes, keeps)),
    "ReduceSum": reduced(lambda x, axes, keeps: x.sum(axes, keeps)),
    "ReduceMax": reduced(lambda x, axes, keeps: x.amax(axes, keeps)),
}
MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate"}


def turned(pads):
    """Padding of the last two dimensions as PyTorch wants it."""
    count = len(pads) // 2
    return [pads[count - 1], pads[-1], pads[count - 2], pads[-2]]


def gathered(axis, x, indices):
    y = x.index_select(axis, indices.flatten())
    return y.reshape(x.shape[:axis] + indices.shape + x.shape[axis + 1 :])


def tensor(given, scalar):
    kind = torch.int64 if given["type"] == "int64" else torch.float32
    values = torch.tensor(given["values"], dtype=kind).reshape(given["shape"])
    return values if kind == torch.int64 else values.to(scalar)


def step(case, scalar):
    """One step of plain SGD; returns the loss and the weights after it."""
    values = {name: tensor(given, scalar) for name, given in case["tensors"].items()}
    for name in case["trained"]:
        values[name].requires_grad_(True)
    for node in case["nodes"]:
        given = [values[name] for name in node["inputs"]]
        result = OPERATORS[node["operator"]](node["attributes"], *given)
        results = result if isinstance(result, tuple) else (result,)
        values.update(zip(node["outputs"], results))
    loss = functional.cross_entropy(values["logits"], values["labels"])
    loss.backward()
    weights = {}
    for name in case["trained"]:
        value = values[name]
        weights[name] = (value.detach() - case["rate"] * value.grad).flatten().tolist()
    return {"loss": loss.item(), "weights": weights}


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        cases = json.load(file)
    results = [{"float64": step(case, torch.float64), "float32": step(case, torch.float32)} for case in cases]
    print(json.dumps({"version": torch.__version__, "results": results}))


main()
