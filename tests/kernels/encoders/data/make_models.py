"""Write the models of this folder; needs the package onnx."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import TensorProto, helper

HERE = Path(__file__).parent


def save(name: str, images: str | int) -> None:
    """A model that gives the mean of each channel, plus its index."""
    given = helper.make_tensor_value_info("images", TensorProto.FLOAT, [images, 3, "height", "width"])
    found = helper.make_tensor_value_info("vectors", TensorProto.FLOAT, [images, 3])
    nodes = [
        helper.make_node("GlobalAveragePool", ["images"], ["means"]),
        helper.make_node("Flatten", ["means"], ["flat"]),
        helper.make_node("Add", ["flat", "index"], ["vectors"]),
    ]
    index = helper.make_tensor("index", TensorProto.FLOAT, [3], [0.0, 1.0, 2.0])
    graph = helper.make_graph(nodes, "channel_means", [given], [found], [index])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    (HERE / name).write_bytes(model.SerializeToString())


if __name__ == "__main__":
    save("channel_means.onnx", "images")
    save("one_image.onnx", 1)
