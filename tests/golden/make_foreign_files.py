"""Makes ``foreign/``: small files of other libraries, as people hand them to ``load_model``.

Run with those libraries: ``pip install keras numpy scipy h5py onnx safetensors``, then
``KERAS_BACKEND=numpy python tests/golden/make_foreign_files.py``. Made with Keras 3.15, onnx 1.23,
safetensors 0.8.
"""

from pathlib import Path

import keras
import numpy as np
import onnx
from onnx import TensorProto, helper
from safetensors.numpy import save_file

FOLDER = Path(__file__).with_name("foreign")

if __name__ == "__main__":
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.save(FOLDER / "model.keras")
    model.save(FOLDER / "model.h5")
    model.save_weights(FOLDER / "model.weights.h5")
    save_file({"kernel": np.ones((3, 2), "float32")}, FOLDER / "model.safetensors")
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])],
        "relu",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
    )
    onnx.save(helper.make_model(graph, producer_name="pytorch"), FOLDER / "model.onnx")
