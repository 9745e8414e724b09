#!/usr/bin/env python3
"""Writes digits.onnx, a network small enough for the plainest kernels, for the 8x8 images of `--data digits`.

Its weights are drawn from a seed. Needs the packages onnx and numpy. Usage: make_digits.py [digits.onnx]
"""

import os
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

generator = np.random.default_rng(1998)
initializers = []


def weight(name, shape, inputs):
    """He initialisation: a normal distribution of variance 2 / inputs."""
    values = generator.standard_normal(shape) * np.sqrt(2 / inputs)
    initializers.append(numpy_helper.from_array(values.astype(np.float32), name))


weight("conv.weight", (8, 1, 3, 3), 9)
weight("conv.bias", (8,), 1e6)
weight("fc1.weight", (32, 128), 128)
weight("fc1.bias", (32,), 1e6)
weight("fc2.weight", (10, 32), 32)
weight("fc2.bias", (10,), 1e6)


def node(kind, name, inputs, **attributes):
    return helper.make_node(kind, inputs, [name], name=name, **attributes)


nodes = [
    node("Conv", "conv", ["images", "conv.weight", "conv.bias"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
    node("Relu", "relu1", ["conv"]),
    node("MaxPool", "pool", ["relu1"], kernel_shape=[2, 2], strides=[2, 2]),
    node("Flatten", "flat", ["pool"]),
    node("Gemm", "fc1", ["flat", "fc1.weight", "fc1.bias"], transB=1),
    node("Relu", "relu2", ["fc1"]),
    node("Gemm", "logits", ["relu2", "fc2.weight", "fc2.bias"], transB=1),
]
graph = helper.make_graph(
    nodes, "digits",
    [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 1, 8, 8])],
    [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 10])],
    initializers)
model = helper.make_model(graph, producer_name="make_digits.py", opset_imports=[helper.make_opsetid("", 17)])
model.ir_version = 8
onnx.checker.check_model(model, full_check=True)
path = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "digits.onnx")
onnx.save(model, path)
