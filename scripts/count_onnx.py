#!/usr/bin/env python3
"""Counts the parameters and multiply-accumulates of ONNX models with the onnx package alone.

A second implementation beside Partita's own reader; ONNXImportTests hold its figures.
Usage: count_onnx.py MODEL.onnx ...
"""

import math
import os
import sys

import onnx
from onnx import helper, numpy_helper, shape_inference

# Which inputs of an operator are trained, and which are running statistics.
TRAINED = {"Conv": [1, 2], "Gemm": [1, 2], "MatMul": [1], "BatchNormalization": [1, 2], "Mul": [0, 1], "Add": [0, 1]}
STATE = {"BatchNormalization": [3, 4]}
VIEWS = {"Unsqueeze", "Reshape", "Identity", "Transpose", "Squeeze"}


def count(path):
    model = shape_inference.infer_shapes(onnx.load(path), data_prop=True)
    graph = model.graph
    shapes = {t.name: list(t.dims) for t in graph.initializer}
    values = {t.name: numpy_helper.to_array(t) for t in graph.initializer if t.data_type == onnx.TensorProto.INT64}
    for info in list(graph.input) + list(graph.value_info) + list(graph.output):
        if info.name not in shapes:
            shapes[info.name] = [d.dim_value for d in info.type.tensor_type.shape.dim]
    weights = {t.name: t.name for t in graph.initializer}
    trained, state, kept, macs = set(), set(), set(), 0
    readers = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    for node in graph.node:
        if node.op_type == "ConstantOfShape":
            weights[node.output[0]] = node.output[0]
            shapes[node.output[0]] = [int(v) for v in values[node.input[0]]]
        elif node.op_type in VIEWS and node.input[0] in weights:
            weights[node.output[0]] = weights[node.input[0]]
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == "Conv":
            weight = shapes[node.input[1]]
            macs += math.prod(shapes[node.output[0]]) * math.prod(weight[1:])
        elif node.op_type in ("Gemm", "MatMul"):
            shape = shapes[node.input[0]]
            macs += math.prod(shapes[node.output[0]]) * shape[0 if attributes.get("transA") else -1]
        trained |= {weights[node.input[i]] for i in TRAINED.get(node.op_type, [])
                    if i < len(node.input) and node.input[i] in weights}
        state |= {weights[node.input[i]] for i in STATE.get(node.op_type, [])}
        if node.op_type == "BatchNormalization":
            # Behind it a scale and a shift: these are trained, its own pair is not.
            after = readers[node.output[0]]
            if len(after) == 1 and after[0].op_type == "Mul" and \
                    [n.op_type for n in readers[after[0].output[0]]] == ["Add"]:
                kept |= {weights[i] for i in node.input[1:3]}
    elements = lambda names: sum(math.prod(shapes[n]) for n in names)
    return elements(trained - kept), elements(kept), elements(state), macs, len(graph.node)


for path in sys.argv[1:]:
    print(os.path.basename(path), *count(path))
