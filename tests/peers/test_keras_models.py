"""Keras models of classes of one's own, and shared layers, in what else runs models."""

import fanin
import numpy as np
import pytest
from fanin.data_dependent import lsuv
from fanin.diagnosis._rows import report_rows

keras = pytest.importorskip("keras")

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

K = keras.layers
RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 10)).astype("float32")
Y = RNG.integers(0, 3, 24)


class Shared(keras.Model):
    """Calls one layer twice; Keras cannot copy it, and it is not built."""

    def __init__(self):
        super().__init__()
        self.same, self.other, self.out = K.Dense(10, "tanh"), K.Dense(10), K.Dense(3)

    def call(self, x):
        return self.out(self.other(self.same(self.same(x))))


def test_a_layer_that_runs_twice_is_no_pair_of_equal_ones():
    model = Shared()
    found = fanin.symmetry(model, X, Y)
    assert [layer.name for layer in found.start] == [model.same.name] * 2 + [
        model.other.name, model.out.name,
    ]  # fmt: skip
    assert found.shared == []
    model.other.kernel.assign(model.same.kernel)
    assert fanin.symmetry(model, X, Y).shared == [(model.same.name, model.other.name)]


def test_a_model_that_is_not_built_is_built_and_rescaled():
    model = Shared()
    assert len(lsuv(model, X, rng=0).layers) == 3
    found = fanin.diagnose(model, X, Y)
    assert found[model.out.name].signal.std == pytest.approx(1, rel=0.01)


def test_what_does_not_fit_is_refused_in_words():
    model = keras.Sequential([keras.Input((None, 10)), K.GlobalAveragePooling1D(), K.Dense(3)])
    with pytest.raises(fanin.errors.ShapeError, match=r"^x: expected shape \(n, any, 10\), found"):
        fanin.diagnose(model, np.zeros((4, 5, 9), "float32"))
    a, b = keras.Input((4,), name="a"), keras.Input((3,), name="b")
    model = keras.Model([a, b], K.Concatenate()([a, b]))
    with pytest.raises(fanin.errors.ShapeError, match=r"^x of b: expected shape \(n, 3\), found"):
        fanin.diagnose(model, [X[:, :4], X[:, :4]])
    with pytest.raises(TypeError, match=r"expected a torch\.nn\.Module \(its layers run no"):
        fanin.watch(model)


def test_blocks_of_a_functional_model_fold_by_their_names():
    x = h = keras.Input((10,))
    for i in range(1, 13):
        h1 = K.Dense(10, name=f"block_{i}_expand")(h)
        h2 = K.ReLU(name=f"block_{i}_relu")(K.BatchNormalization(name=f"block_{i}_BN")(h1))
        h = K.Add(name=f"block_{i}_add")([h, h2])
    model = keras.Model(x, K.Dense(3, name="predictions")(h))
    report = fanin.diagnose(model, X, Y)
    names = [row.name for row in report_rows(report)]
    assert names == [*(f"block_{i}" for i in range(1, 13)), "predictions"]
    assert len(report.branches) == 12
