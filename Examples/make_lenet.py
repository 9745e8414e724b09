#!/usr/bin/env python3
"""Writes lenet.onnx, a small network for 28x28 grey images with a symbolic batch and real weights.

It flattens as exporters do: the batch is read with Shape and Gather and joined to -1 by Concat.
Needs the packages onnx and numpy. Usage: make_lenet.py [lenet.onnx]
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


def constant(name, values):
    initializers.append(numpy_helper.from_array(np.array(values, dtype=np.int64), name))


weight("conv1.weight", (8, 1, 5, 5), 25)
weight("conv1.bias", (8,), 1e6)
weight("conv2.weight", (16, 8, 5, 5), 200)
weight("conv2.bias", (16,), 1e6)
weight("fc1.weight", (64, 400), 400)
weight("fc1.bias", (64,), 1e6)
weight("fc2.weight", (10, 64), 64)
weight("fc2.bias", (10,), 1e6)
constant("zero", 0)
constant("zeros", [0])
constant("rest", [-1])


def node(kind, name, inputs, **attributes):
    return helper.make_node(kind, inputs, [name], name=name, **attributes)


nodes = [
    node("Conv", "conv1", ["images", "conv1.weight", "conv1.bias"], kernel_shape=[5, 5], pads=[2, 2, 2, 2]),
    node("Relu", "relu1", ["conv1"]),
    node("MaxPool", "pool1", ["relu1"], kernel_shape=[2, 2], strides=[2, 2]),
    node("Conv", "conv2", ["pool1", "conv2.weight", "conv2.bias"], kernel_shape=[5, 5]),
    node("Relu", "relu2", ["conv2"]),
    node("MaxPool", "pool2", ["relu2"], kernel_shape=[2, 2], strides=[2, 2]),
    node("Shape", "shape", ["pool2"]),
    node("Gather", "samples", ["shape", "zero"], axis=0),
    node("Unsqueeze", "samples1", ["samples", "zeros"]),
    node("Concat", "target", ["samples1", "rest"], axis=0),
    node("Reshape", "flat", ["pool2", "target"]),
    node("Gemm", "fc1", ["flat", "fc1.weight", "fc1.bias"], transB=1),
    node("Relu", "relu3", ["fc1"]),
    node("Gemm", "logits", ["relu3", "fc2.weight", "fc2.bias"], transB=1),
]
graph = helper.make_graph(
    nodes, "lenet",
    [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 1, 28, 28])],
    [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 10])],
    initializers)
model = helper.make_model(graph, producer_name="make_lenet.py", opset_imports=[helper.make_opsetid("", 17)])
model.ir_version = 8
onnx.checker.check_model(model, full_check=True)
path = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "lenet.onnx")
onnx.save(model, path)
