"""What the networks of this folder are put together from: weights drawn from a seed, and nodes named after results."""

import os
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

IMAGES, LOGITS, CLASSES = "images", "logits", 10


class Network:
    """A network from `images` to `logits` with a symbolic batch."""

    def __init__(self, name):
        self.name = name
        self.generator = np.random.default_rng(1998)
        self.initializers = []

    def weight(self, name, shape, inputs):
        """He initialisation: a normal distribution of variance 2 / inputs."""
        values = self.generator.standard_normal(shape) * np.sqrt(2 / inputs)
        self.initializers.append(numpy_helper.from_array(values.astype(np.float32), name))

    def layer(self, name, shape, inputs):
        """A weight and a bias that is nearly zero."""
        self.weight(f"{name}.weight", shape, inputs)
        self.weight(f"{name}.bias", shape[:1], 1e6)

    def constant(self, name, values):
        self.initializers.append(numpy_helper.from_array(np.array(values, dtype=np.int64), name))

    def write(self, image, nodes):
        """Checks the network and writes it beside this file, or where the first argument says."""
        script = f"make_{self.name}.py"
        graph = helper.make_graph(
            nodes, self.name, [helper.make_tensor_value_info(IMAGES, TensorProto.FLOAT, ["batch", *image])],
            [helper.make_tensor_value_info(LOGITS, TensorProto.FLOAT, ["batch", CLASSES])], self.initializers)
        model = helper.make_model(graph, producer_name=script, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 8
        onnx.checker.check_model(model, full_check=True)
        beside = os.path.join(os.path.dirname(__file__), f"{self.name}.onnx")
        onnx.save(model, sys.argv[1] if len(sys.argv) > 1 else beside)


def node(kind, name, inputs, **attributes):
    return helper.make_node(kind, inputs, [name], name=name, **attributes)
