#!/usr/bin/env python3
"""Writes digits.onnx, a network small enough for the plainest kernels, for the 8x8 images of `--data digits`.

Its weights are drawn from a seed. Needs the packages onnx and numpy. Usage: make_digits.py [digits.onnx]
"""

from onnx_network import Network, node

network = Network("digits")
network.layer("conv", (8, 1, 3, 3), 9)
network.layer("fc1", (32, 128), 128)
network.layer("fc2", (10, 32), 32)
network.write([1, 8, 8], [
    node("Conv", "conv", ["images", "conv.weight", "conv.bias"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
    node("Relu", "relu1", ["conv"]),
    node("MaxPool", "pool", ["relu1"], kernel_shape=[2, 2], strides=[2, 2]),
    node("Flatten", "flat", ["pool"]),
    node("Gemm", "fc1", ["flat", "fc1.weight", "fc1.bias"], transB=1),
    node("Relu", "relu2", ["fc1"]),
    node("Gemm", "logits", ["relu2", "fc2.weight", "fc2.bias"], transB=1),
])
