"""Networks of several outputs train as Keras trains them, and say it under the same names."""

import os

os.environ.setdefault("KERAS_BACKEND", "torch")

import fanin
import numpy as np
import pytest

keras = pytest.importorskip("keras")

STEPS = 20
RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 6))
A, B, C = RNG.normal(size=(60, 2)), RNG.integers(0, 4, 60), RNG.integers(0, 2, (60, 1))
W = RNG.uniform(0.5, 2.0, (3, 60))
SPARSE = "sparse_categorical_crossentropy"

FORMS = {
    "list": lambda a, b, c: [a, b, c],
    "tuple": lambda a, b, c: (a, b, c),
    "dict": lambda a, b, c: {"c": c, "a": a, "b": b},
    "other dict": lambda a, b, c: {"first": c, "second": a, "third": b},
}


def build(k, form):
    def dense(*args, **kwargs):
        return k.layers.Dense(*args, **kwargs, dtype="float64")

    inputs = k.Input((6,), dtype="float64")
    hidden = dense(8, activation="tanh")(inputs)
    a = dense(2, name="a")(hidden)
    b = dense(4, activation="softmax", name="b")(dense(5, activation="relu")(hidden))
    c = dense(1, activation="sigmoid", name="c")(hidden)
    return k.Model(inputs, FORMS[form](a, b, c))


BCE = "binary_crossentropy"
NAMED = {"a": "mse", "b": SPARSE, "c": BCE}
# Form, arguments of compile, of fit, targets.
CASES = {
    "lists": (
        "list",
        {
            "loss": ["mse", SPARSE, BCE],
            "loss_weights": [0.5, 2.0, 1.0],
            "metrics": [["mae"], ["accuracy"], ["accuracy"]],
        },
        {},
        [A, B, C],
    ),
    "names": (
        "list",
        {"loss": NAMED, "loss_weights": {"a": 1, "c": 3, "b": 0.1}, "metrics": {"b": "accuracy"}},
        {},
        {"c": C, "a": A, "b": B},
    ),
    "a tuple": ("tuple", {"loss": ["mae", SPARSE, BCE]}, {"validation_split": 0.25}, [A, B, C]),
    "a dict": (
        "dict",
        {"loss": NAMED, "metrics": {"a": ["mae", "mse"], "c": ["accuracy"]}},
        {"validation_data": (X[:20], {"a": A[:20], "b": B[:20], "c": C[:20]})},
        {"a": A, "b": B, "c": C},
    ),
    "names of one's own": (
        "other dict",
        {"loss": {"third": SPARSE, "second": "mse", "first": BCE}, "metrics": {"first": ["mae"]}},
        {},
        {"first": C, "second": A, "third": B},
    ),
    "an output without a loss": (
        "list",
        {"loss": ["mse", None, BCE], "metrics": [None, None, ["accuracy"]]},
        {},
        [A, B, C],
    ),
    "one loss": ("list", {"loss": ["mse", None, None], "metrics": [["mae"], None, None]}, {}, [A]),
    "weights of samples": (
        "list",
        {
            "loss": ["mse", SPARSE, BCE],
            "metrics": [["mae"], None, None],
            "weighted_metrics": [["mae", "mse"], ["accuracy"], ["accuracy"]],
        },
        {"sample_weight": list(W), "validation_split": 0.5},
        [A, B, C],
    ),
    "weights for all": ("list", {"loss": ["mse", SPARSE, BCE]}, {"sample_weight": W[0]}, [A, B, C]),
    "weighted metrics without weights": (
        "list",
        {"loss": ["mse", SPARSE, BCE], "weighted_metrics": [["mae"], ["accuracy"], None]},
        {},
        [A, B, C],
    ),
}


# Of torch arrays in a NumPy that is newer.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:Gradients do not exist:UserWarning")
@pytest.mark.parametrize("case", CASES)
def test_names_and_numbers_are_those_of_keras(case):
    form, compiled, fitted, y = CASES[case]
    # Keras multiplies matrices in single precision over torch, whatever their type: weights that
    # are drawn anew are off by more than the tolerance now and then.
    keras.utils.set_random_seed(0)
    models = theirs, ours = build(keras, form), build(fanin, form)
    ours.set_weights([np.asarray(w) for w in theirs.get_weights()])
    assert ours.output_names == theirs.output_names
    assert ours.output_shape == theirs.output_shape
    histories, values, named, outputs = [], [], [], []
    for k, model in zip((keras, fanin), models, strict=True):
        model.compile(k.optimizers.SGD(0.05, momentum=0.9), **compiled)
        batch = {"batch_size": 60, "epochs": STEPS, "shuffle": False, "verbose": 0}
        histories.append(model.fit(X, y, **batch, **fitted).history)
        weights = {key: w for key, w in fitted.items() if key == "sample_weight"}
        values.append(model.evaluate(X, y, verbose=0, **weights))
        named.append(model.evaluate(X, y, verbose=0, return_dict=True, **weights))
        outputs.append(model.predict(X, verbose=0))
    assert list(histories[1]) == list(histories[0])
    for name, expected in histories[0].items():
        np.testing.assert_allclose(histories[1][name], expected, rtol=1e-5, atol=1e-7, err_msg=name)
    assert list(named[1]) == list(named[0])
    for name, expected in named[0].items():
        assert named[1][name] == pytest.approx(float(expected), rel=1e-5, abs=1e-7), name
    # Keras lists a metric twice where it has the name that another has without its output's.
    if "weighted_metrics" not in compiled:
        np.testing.assert_allclose(values[1], [float(v) for v in values[0]], rtol=1e-5, atol=1e-7)
    assert type(outputs[1]) is type(outputs[0])
    parts = [list(o.values()) if isinstance(o, dict) else o for o in outputs]
    if isinstance(outputs[0], dict):
        assert list(outputs[1]) == list(outputs[0])
    for mine, expected in zip(parts[1], parts[0], strict=True):
        expected = np.asarray(expected)
        assert np.abs(mine - expected).max() < 1e-5 * np.abs(expected).max()
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-7)
