"""Penalties and constraints, beside those of Keras in float64 and scikit-learn's `alpha`."""

import warnings

import fanin
import numpy as np
import pytest
from fanin import constraints, layers, regularizers

keras = pytest.importorskip("keras")
if keras.backend.backend() != "jax":
    pytest.skip("Keras on JAX computes in float64", allow_module_level=True)
import jax  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(96, 6)), RNG.integers(0, 4, 96)


@pytest.fixture(autouse=True, scope="module")
def double():
    before = keras.backend.floatx()
    keras.backend.set_floatx("float64")
    with jax.enable_x64(True):
        yield
    keras.backend.set_floatx(before)


REGULARIZERS = {
    "l1": ("L1", (0.01,)),
    "l2": ("L2", (0.02,)),
    "l1_l2": ("L1L2", (0.01, 0.02)),
    "rows": ("OrthogonalRegularizer", (0.05,)),
    "columns": ("OrthogonalRegularizer", (0.05, "columns")),
}
CONSTRAINTS = {
    "max": ("MaxNorm", (0.9,)),
    "max of rows": ("MaxNorm", (0.9, 1)),
    "unit": ("UnitNorm", ()),
    "not negative": ("NonNeg", ()),
    "between": ("MinMaxNorm", (0.5, 1.0, 0.7)),
    "of all": ("MinMaxNorm", (0.5, 1.0, 1.0, (0, 1))),
}


def made(module, table, name):
    cls, arguments = table[name]
    return getattr(module, cls)(*arguments)


@pytest.mark.parametrize("name", REGULARIZERS)
def test_penalties_and_their_gradients_are_keras(name):
    w = RNG.normal(size=(5, 4))
    own = made(regularizers, REGULARIZERS, name)
    theirs = made(keras.regularizers, REGULARIZERS, name)
    value, slopes = jax.value_and_grad(theirs)(jax.numpy.asarray(w))
    found, gradient = own.value_and_gradient(w)
    assert abs(found - float(value)) < 1e-12
    assert np.abs(gradient - slopes).max() < 1e-12


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_constraints_are_keras(name):
    w = RNG.normal(size=(5, 4))
    theirs = np.asarray(made(keras.constraints, CONSTRAINTS, name)(w))
    assert np.abs(made(constraints, CONSTRAINTS, name)(w) - theirs).max() < 1e-14


def models(kernel, constraint, optimizer):
    """The same network of both, with a penalty or a constraint on all that takes one."""
    built = []
    for package, regularize, constrain in (
        (keras, keras.regularizers, keras.constraints),
        (fanin, regularizers, constraints),
    ):
        K = package.layers
        own = {}
        if kernel is not None:
            own["kernel_regularizer"] = made(regularize, REGULARIZERS, kernel)
        if constraint is not None:
            own["kernel_constraint"] = made(constrain, CONSTRAINTS, constraint)
        x = package.Input((6,), dtype="float64")
        h = K.Dense(
            8, "tanh", dtype="float64", bias_regularizer=regularize.L1(0.01),
            activity_regularizer=regularize.L1L2(0.01, 0.02), **own
        )(x)  # fmt: skip
        h = K.BatchNormalization(
            dtype="float64", gamma_regularizer=regularize.L2(0.05),
            beta_regularizer=regularize.L1(0.01), gamma_constraint=constrain.NonNeg(),
        )(h)  # fmt: skip
        h = K.ActivityRegularization(l2=0.01, dtype="float64")(h)
        last = K.Dense(4, "softmax", dtype="float64", activity_regularizer=regularize.L2(0.02))
        model = package.Model(x, last(h))
        made_optimizer = getattr(package.optimizers, optimizer)(learning_rate=0.01)
        model.compile(made_optimizer, "sparse_categorical_crossentropy")
        built.append(model)
    theirs, own = built
    # Not where an absolute value bends: JAX takes 1 for its slope there, TensorFlow and torch 0.
    start = [w + 0.1 + 0.05 * RNG.random(w.shape) for w in theirs.get_weights()]
    theirs.set_weights(start)
    own.set_weights(start)
    return theirs, own


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize(
    ("kernel", "constraint"),
    [*((k, None) for k in REGULARIZERS), *((None, c) for c in CONSTRAINTS)],
)
def test_fifty_steps_are_keras(kernel, constraint, optimizer):
    theirs, own = models(kernel, constraint, optimizer)
    arguments = {"batch_size": 20, "epochs": 10, "shuffle": False, "verbose": 0}
    expected = theirs.fit(X, Y, **arguments).history["loss"]
    found = own.fit(X, Y, **arguments).history["loss"]
    assert np.allclose(found, expected, rtol=1e-6)
    for w, other in zip(own.get_weights(), theirs.get_weights(), strict=True):
        assert np.abs(w - other).max() < 1e-6 * np.abs(other).max()
    assert np.isclose(
        own.evaluate(X, Y, batch_size=20, verbose=0),
        theirs.evaluate(X, Y, batch_size=20, verbose=0),
        rtol=1e-6,
    )


def test_alpha_of_scikit_learn_is_l2_on_kernels():
    neural_network = pytest.importorskip("sklearn.neural_network")
    alpha, size = 0.3, 16
    theirs = neural_network.MLPClassifier(
        (8,), activation="tanh", solver="sgd", alpha=alpha, batch_size=size, momentum=0.0,
        learning_rate_init=0.05, max_iter=1, shuffle=False, random_state=0,
    )  # fmt: skip
    theirs.partial_fit(X, Y, classes=np.arange(4))
    l2 = regularizers.L2(alpha / (2 * size))
    members = [
        layers.Dense(8, "tanh", kernel_regularizer=l2, dtype="float64"),
        layers.Dense(4, "softmax", kernel_regularizer=l2),
    ]
    model = fanin.Sequential(members)
    model.compile(fanin.optimizers.SGD(0.05), "sparse_categorical_crossentropy")
    model.build((None, 6))
    pairs = [*zip(theirs.coefs_, theirs.intercepts_, strict=True)]
    model.set_weights([np.array(array) for pair in pairs for array in pair])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(10):
            theirs.partial_fit(X, Y)
            model.fit(X, Y, batch_size=size, shuffle=False, verbose=0)
    for layer, w, b in zip(members, theirs.coefs_, theirs.intercepts_, strict=True):
        assert np.allclose(layer.kernel, w, rtol=1e-9)
        assert np.allclose(layer.bias, b, rtol=1e-9)
    expected = theirs.loss_  # of its last pass, as a mean over batches
    found = model.history.history["loss"][-1]
    assert np.isclose(found, expected, rtol=1e-9)
