"""Optimizers and schedules against Keras, torch and optax, in float64."""

import numpy as np
import pytest
from fanin import optimizers

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SHAPES = [(5, 3), (3, 4), (6,)]
AROUND = [
    {},
    # Over torch Keras computes 1 - learning rate * decay in float32, in which this is exact.
    {"weight_decay": 0.125},
    {"clipnorm": 0.7},
    {"clipvalue": 0.2, "use_ema": True, "ema_momentum": 0.8},
    {"use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": 3},
    {"gradient_accumulation_steps": 3, "clipnorm": 0.5, "weight_decay": 0.0625},
]
RULES = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "nesterov": True}),
    ("RMSprop", {}),
    ("RMSprop", {"momentum": 0.5, "centered": True}),
    ("Adam", {}),
    ("Adam", {"amsgrad": True}),
    ("AdamW", {}),
    ("Nadam", {}),
    ("Adamax", {}),
    ("Adagrad", {}),
    ("Adadelta", {"learning_rate": 1.0}),
    ("Lamb", {}),
    ("Lion", {}),
    ("Ftrl", {"learning_rate": 0.1}),
    (
        "Ftrl",
        {
            "learning_rate": 0.1,
            "l1_regularization_strength": 0.01,
            "l2_regularization_strength": 0.1,
            "l2_shrinkage_regularization_strength": 0.05,
            "beta": 0.2,
            "learning_rate_power": -0.7,
        },
    ),
    ("Adafactor", {}),
    ("Muon", {}),
]


def steps(count=50):
    rng = np.random.default_rng(3)
    start = [rng.normal(size=shape) for shape in SHAPES]
    return start, [[rng.normal(size=shape) for shape in SHAPES] for _ in range(count)]


def ours(optimizer):
    start, gradients = steps()
    w = [array.copy() for array in start]
    slots = [optimizer.init(array) for array in w]
    for step, given in enumerate(gradients):
        for array, gradient, slot in zip(w, given, slots, strict=True):
            optimizer.step(array, gradient, slot, step)
    return w


def assert_near(found, expected):
    for array, other in zip(found, expected, strict=True):
        size = np.abs(other).max()
        np.testing.assert_allclose(array, other, rtol=0, atol=1e-6 * size)


@pytest.mark.parametrize("around", AROUND, ids=lambda around: "-".join(around) or "plain")
@pytest.mark.parametrize(("kind", "options"), RULES)
def test_steps_of_keras(kind, options, around):
    keras = pytest.importorskip("keras")
    options = {"learning_rate": 2**-7, **options, **around}
    start, gradients = steps()
    names = ["a", "b", "c"]
    with keras.device("cpu"):
        variables = [
            keras.Variable(w, dtype="float64", name=n) for w, n in zip(start, names, strict=True)
        ]
        if variables[0].numpy().dtype != np.float64:
            pytest.skip("JAX without JAX_ENABLE_X64=1")
        theirs = getattr(keras.optimizers, kind)(**options)
        theirs.build(variables)
        for given in gradients:
            theirs.apply([keras.ops.convert_to_tensor(g, "float64") for g in given], variables)
        expected = [np.asarray(v.numpy()) for v in variables]
    assert_near(ours(getattr(optimizers, kind)(**options)), expected)


SMALL = {"epsilon": 1e-3}


@pytest.mark.parametrize(
    ("kind", "own", "theirs"),
    [
        ("SGD", {"momentum": 0.9, "weight_decay": 0.1}, {"momentum": 0.9, "weight_decay": 0.1}),
        ("SGD", {"momentum": 0.9, "nesterov": True}, {"momentum": 0.9, "nesterov": True}),
        ("Adam", {**SMALL, "weight_decay": 0.1}, {"eps": 1e-3, "weight_decay": 0.1}),
        ("Adam", {**SMALL, "amsgrad": True}, {"eps": 1e-3, "amsgrad": True}),
        ("AdamW", {**SMALL, "weight_decay": 0.1}, {"eps": 1e-3, "weight_decay": 0.1}),
        ("RMSprop", {**SMALL, "rho": 0.8}, {"eps": 1e-3, "alpha": 0.8}),
        (
            "RMSprop",
            {**SMALL, "rho": 0.8, "momentum": 0.5, "centered": True},
            {"eps": 1e-3, "alpha": 0.8, "momentum": 0.5, "centered": True},
        ),
        (
            "Adagrad",
            {**SMALL, "initial_accumulator_value": 0.2},
            {"eps": 1e-3, "initial_accumulator_value": 0.2},
        ),
        ("Adadelta", {**SMALL, "rho": 0.8}, {"eps": 1e-3, "rho": 0.8}),
    ],
)
def test_steps_of_torch(kind, own, theirs):
    torch = pytest.importorskip("torch")
    start, gradients = steps()
    parameters = [torch.tensor(w, requires_grad=True) for w in start]
    optimizer = getattr(torch.optim, kind)(parameters, lr=0.01, **theirs)
    for step in gradients:
        for parameter, gradient in zip(parameters, step, strict=True):
            parameter.grad = torch.tensor(gradient)
        optimizer.step()
    convention = {} if kind == "Adadelta" else {"convention": "torch"}
    found = ours(getattr(optimizers, kind)(0.01, **own, **convention))
    assert_near(found, [p.detach().numpy() for p in parameters])


@pytest.mark.parametrize(
    ("kind", "theirs", "options", "others"),
    [
        ("Lion", "lion", {}, {"b1": 0.9, "b2": 0.99, "weight_decay": 0.0}),
        ("Adadelta", "adadelta", {"rho": 0.9, "epsilon": 1e-3}, {"rho": 0.9, "eps": 1e-3}),
        ("Adam", "adam", {"convention": "torch", "epsilon": 1e-3}, {"eps": 1e-3}),
        ("Lamb", "lamb", {"epsilon": 1e-3}, {"eps": 1e-3}),
    ],
)
def test_steps_of_optax(kind, theirs, options, others):
    optax, jax = pytest.importorskip("optax"), pytest.importorskip("jax")
    own = getattr(optimizers, kind)(0.01, **options)
    with jax.enable_x64(True):
        start, gradients = steps()
        w = [jax.numpy.asarray(array) for array in start]
        rule = getattr(optax, theirs)(0.01, **others)
        state = rule.init(w)
        for given in gradients:
            updates, state = rule.update([jax.numpy.asarray(g) for g in given], state, w)
            w = optax.apply_updates(w, updates)
        expected = [np.asarray(array) for array in w]
    assert_near(ours(own), expected)


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("ExponentialDecay", (0.1, 7, 0.5)),
        ("PolynomialDecay", (0.1, 7, 0.01, 2.0)),
        ("PolynomialDecay", (0.1, 7, 0.01, 0.5, True)),
        ("InverseTimeDecay", (0.1, 7, 0.5, True)),
        ("CosineDecay", (0.1, 20, 0.1, "name", 0.3, 5)),
        ("CosineDecayRestarts", (0.1, 7, 1.0, 0.9, 0.1)),
        ("CosineDecayRestarts", (0.1, 7, 2.0, 0.9, 0.1)),
    ],
)
def test_schedules_of_keras(kind, arguments):
    keras = pytest.importorskip("keras")
    own = getattr(optimizers.schedules, kind)(*arguments)
    theirs = getattr(keras.optimizers.schedules, kind)(*arguments)
    # Steps that are not next to a jump, which float32 may put on either side.
    for step in (0, 1, 3, 5, 8, 11, 13, 18, 25, 30):
        expected = float(keras.ops.convert_to_numpy(theirs(step)))
        assert own(step) == pytest.approx(expected, rel=1e-5, abs=1e-7)
