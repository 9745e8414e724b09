#!/usr/bin/env python3
"""Writes lenet.onnx, a small network for 28x28 grey images with a symbolic batch and real weights.

It flattens as exporters do: the batch is read with Shape and Gather and joined to -1 by Concat.
Needs the packages onnx and numpy. Usage: make_lenet.py [lenet.onnx]
"""

from onnx_network import Network, node

network = Network("lenet")
network.layer("conv1", (8, 1, 5, 5), 25)
network.layer("conv2", (16, 8, 5, 5), 200)
network.layer("fc1", (64, 400), 400)
network.layer("fc2", (10, 64), 64)
network.constant("zero", 0)
network.constant("zeros", [0])
network.constant("rest", [-1])
network.write([1, 28, 28], [
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
])
