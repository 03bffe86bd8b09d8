"""Penalties are part of the loss, with their gradients; constraints hold after every step."""

import copy
import pickle

import fanin
import numpy as np
import pytest
from fanin import _core, constraints, layers, ops, regularizers
from fanin.layers import BatchNormalization, Dense, Embedding
from fanin.regularizers import L1, L1L2, L2, OrthogonalRegularizer

RNG = np.random.default_rng(5)
X, Y = RNG.normal(size=(24, 6)), RNG.normal(size=(24, 3))
REGULARIZERS = [
    L1(0.03),
    L2(0.05),
    L1L2(0.02, 0.04),
    OrthogonalRegularizer(0.3),
    OrthogonalRegularizer(0.3, mode="columns"),
]
PENALTIES = REGULARIZERS[:3]


class Scaled(layers.Layer):
    """A layer of a user's with a weight, in one of the common forms and as a value."""

    def __init__(self, regularizer=None, constraint=None, **kwargs):
        super().__init__(**kwargs)
        self._asked = {"regularizer": regularizer, "constraint": constraint}
        self.inner = Dense(5, "tanh", kernel_regularizer=regularizer)

    def build(self, input_shape):
        self.w = self.add_weight((input_shape[-1], 4), name="w", **self._asked)
        self.s = self.add_weight((4,), initializer="ones", name="s")

    def call(self, x):
        return self.inner(x @ self.w * self.s + ops.sum(ops.square(self.w)))


def network(*members, optimizer=None, loss="mse", rng=0):
    model = fanin.Sequential([*members, Dense(3)], rng=rng)
    model.compile(optimizer or fanin.optimizers.SGD(1.0), loss)
    return model


def loss_of(model, x=X, y=Y):
    """The loss that training reports of one batch of all samples, without a step."""
    twin = copy.deepcopy(model)
    twin.optimizer.learning_rate = 0.0
    return twin.fit(x, y, batch_size=len(x), verbose=0).history["loss"][0]


def assert_gradient(model, x=X, y=Y):
    """A step of SGD with rate 1 goes along the gradient of the whole loss."""
    model.build((None, *x.shape[1:]))
    twin = copy.deepcopy(model)
    twin.fit(x, y, batch_size=len(x), verbose=0)
    step = model.params - twin.params
    size = len(model.params)
    for at in sorted({*range(0, size, max(1, size // 12)), size - 1}):
        sides = []
        for sign in (1, -1):
            moved = copy.deepcopy(model)
            moved.params[at] += sign * 1e-5
            sides.append(loss_of(moved, x, y))
        slope = (sides[0] - sides[1]) / 2e-5
        assert abs(slope - step[at]) < 1e-6 * max(1.0, abs(slope)), at


@pytest.mark.parametrize("regularizer", REGULARIZERS, ids=str)
def test_the_gradient_of_the_whole_loss_is_that_of_differences(regularizer):
    def own(role, vector=False):
        return {f"{role}_regularizer": L1L2(0.02, 0.03) if vector else regularizer}

    members = [
        Dense(5, "tanh", dtype="float64", **own("kernel"), **own("bias", vector=True)),
        BatchNormalization(**own("gamma", vector=True), **own("beta", vector=True)),
    ]
    model = network(*members)
    model.build((None, 6))
    model.layers[0].bias[...] = RNG.normal(size=5)  # not where |b| bends
    model.layers[1].beta[...] = RNG.normal(size=5)
    assert_gradient(model)
    assert_gradient(network(Scaled(regularizer, dtype="float64")))


@pytest.mark.parametrize(
    ("make", "roles"),
    [
        (layers.LayerNormalization, ("gamma", "beta")),
        (lambda **own: layers.GroupNormalization(5, **own), ("gamma", "beta")),
        (layers.PReLU, ("alpha",)),
    ],
)
def test_scales_shifts_and_slopes_pay_and_are_put_back(make, roles):
    member = make(**{f"{role}_regularizer": L1L2(0.02, 0.03) for role in roles})
    model = network(Dense(5, dtype="float64"), member, Dense(1))
    model.build((None, 6))
    for role in roles:
        getattr(member, role)[...] = RNG.uniform(0.2, 0.9, 5)
    assert_gradient(model)
    bound = {f"{role}_constraint": constraints.MinMaxNorm(0.9, 1.0) for role in roles}
    model = network(Dense(5, dtype="float64"), make(**bound), Dense(1))
    model.fit(X, Y, verbose=0)
    for role in roles:
        assert 0.9 - 1e-6 < np.linalg.norm(getattr(model.layers[1], role)) < 1 + 1e-6


@pytest.mark.parametrize("regularizer", REGULARIZERS, ids=str)
def test_a_penalized_table_moves_in_all_of_its_rows(regularizer):
    x = RNG.integers(0, 4, (10, 2))
    table = Embedding(7, 3, dtype="float64", embeddings_regularizer=regularizer)
    model = network(table, layers.Flatten())
    assert_gradient(model, x, RNG.normal(size=(10, 3)))
    # The second step sees nothing of the gradients of the first.
    y = RNG.normal(size=(10, 3))
    twin = copy.deepcopy(model)
    model.fit(x, y, batch_size=5, epochs=2, shuffle=False, verbose=0)
    for _ in range(2):
        for rows in (slice(0, 5), slice(5, 10)):
            twin.fit(x[rows], y[rows], batch_size=5, shuffle=False, verbose=0)
    assert np.array_equal(model.params, twin.params)


@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
@pytest.mark.parametrize(
    "member",
    [
        lambda p: Dense(5, "tanh", dtype="float64", activity_regularizer=p),
        lambda p: Dense(5, "softmax", dtype="float64", activity_regularizer=p),
        lambda p: layers.Rescaling(2.0, dtype="float64", activity_regularizer=p),
        lambda p: layers.ActivityRegularization(
            l1=getattr(p, "l1", 0.0), l2=getattr(p, "l2", 0.0), dtype="float64"
        ),
        lambda p: Scaled(dtype="float64", activity_regularizer=p),
    ],
)
def test_the_gradient_of_penalties_on_outputs_is_that_of_differences(penalty, member):
    assert_gradient(network(Dense(4, "tanh"), member(penalty)))


def test_a_penalty_on_the_last_output_is_beside_the_cross_entropy():
    y = RNG.integers(0, 4, 24)
    last = Dense(4, "softmax", dtype="float64", activity_regularizer=L2(0.3))
    model = fanin.Sequential([Dense(5, "tanh"), last], rng=1)
    model.compile(fanin.optimizers.SGD(1.0), "sparse_categorical_crossentropy")
    assert_gradient(model, X, y)
    model.build((None, 6))
    p = model.predict(X, verbose=0)
    expected = -np.log(p[np.arange(24), y]).mean() + 0.3 * (p**2).sum() / 24
    assert abs(model.evaluate(X, y, verbose=0) - expected) < 1e-12


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: fanin.optimizers.SGD(0.1),
        lambda: fanin.optimizers.SGD(0.1, gradient_accumulation_steps=2),
        lambda: fanin.optimizers.Adam(0.1, weight_decay=0.1, convention="torch"),
        lambda: fanin.optimizers.SGD(0.1, global_clipnorm=0.5, use_ema=True),
    ],
)
def test_a_constraint_that_holds_anyway_changes_no_table(optimizer):
    x, y = RNG.integers(0, 6, (12, 2)), RNG.normal(size=(12, 3))
    weights = []
    for constraint in (None, constraints.MaxNorm(1e6)):
        table = Embedding(6, 3, dtype="float64", embeddings_constraint=constraint)
        model = network(table, layers.Flatten(), optimizer=optimizer())
        model.fit(x, y, batch_size=1, epochs=3, shuffle=False, verbose=0)
        weights.append(model.get_weights())
    for free, held in zip(*weights, strict=True):
        # A norm that is within its bound is divided by itself and 1e-7, as in Keras.
        np.testing.assert_allclose(held, free, rtol=0, atol=1e-4)


def test_a_layer_that_is_called_twice_pays_twice_for_outputs_and_once_for_weights():
    x = fanin.Input((6,), dtype="float64")
    own = Dense(6, "tanh", kernel_regularizer=L2(0.1), activity_regularizer=L1(0.2))
    first = own(x)
    second = own(first)
    model = fanin.Model(x, Dense(3)(second))
    model.compile(fanin.optimizers.SGD(1.0), "mse")
    a, b = fanin.Model(x, first).predict(X), fanin.Model(x, second).predict(X)
    mse = ((model.predict(X, verbose=0) - Y) ** 2).mean()
    outputs = 0.2 * (np.abs(a).sum() + np.abs(b).sum()) / len(X)
    assert abs(model.evaluate(X, Y, verbose=0) - mse - outputs - own.losses[0]) < 1e-12
    assert_gradient(model)


def test_training_is_that_of_the_formulas():
    kernel, bias = RNG.normal(size=(6, 3)), RNG.normal(size=3)
    layer = Dense(
        3,
        dtype="float64",
        kernel_regularizer=L1L2(0.01, 0.02),
        bias_regularizer=L2(0.1),
        kernel_constraint=constraints.MaxNorm(1.1),
        bias_constraint="non_neg",
        activity_regularizer=L2(0.05),
    )
    model = fanin.Sequential([layer])
    model.compile(fanin.optimizers.SGD(0.1), "mse", metrics=["mae"])
    model.build((None, 6))
    model.set_weights([kernel, bias])
    history = model.fit(X, Y, batch_size=8, epochs=4, shuffle=False, verbose=0).history
    for epoch in range(4):
        whole = errors = 0.0
        for start in range(0, 24, 8):
            x, y = X[start : start + 8], Y[start : start + 8]
            out = x @ kernel + bias
            loss = ((out - y) ** 2).mean() + 0.05 * (out**2).sum() / 8
            loss += 0.01 * np.abs(kernel).sum() + 0.02 * (kernel**2).sum() + 0.1 * (bias**2).sum()
            whole, errors = whole + 8 * loss, errors + 8 * np.abs(out - y).mean()
            dy = 2 * (out - y) / y.size + 0.1 * out / 8
            kernel = kernel - 0.1 * (x.T @ dy + 0.01 * np.sign(kernel) + 0.04 * kernel)
            bias = np.maximum(bias - 0.1 * (dy.sum(0) + 0.2 * bias), 0.0)
            norms = np.sqrt((kernel**2).sum(0, keepdims=True))
            kernel = kernel * (np.minimum(norms, 1.1) / (1e-7 + norms))
        assert abs(history["loss"][epoch] - whole / 24) < 1e-12
        assert abs(history["mae"][epoch] - errors / 24) < 1e-12  # metrics have no penalties
    assert np.abs(layer.kernel - kernel).max() < 1e-12
    assert np.abs(layer.bias - bias).max() < 1e-12


def test_evaluation_and_validation_have_the_penalties_too():
    model = network(Dense(4, "tanh", dtype="float64", kernel_regularizer=L2(0.5)))
    plain = fanin.Sequential([Dense(4, "tanh", dtype="float64"), Dense(3)], rng=0)
    plain.compile("sgd", "mse")
    plain.build((None, 6))
    history = model.fit(X, Y, validation_data=(X[:5], Y[:5]), verbose=0).history
    plain.set_weights(model.get_weights())
    for part in (slice(None), slice(0, 5)):
        found = model.evaluate(X[part], Y[part], batch_size=7, verbose=0)
        assert abs(found - plain.evaluate(X[part], Y[part], verbose=0) - sum(model.losses)) < 1e-12
    assert abs(history["val_loss"][0] - found) < 1e-12
    assert model.losses == model.layers[0].losses == [L2(0.5)(model.layers[0].kernel)]


def test_what_is_not_trained_has_no_penalty_and_is_not_put_back():
    frozen = Dense(
        4, trainable=False, kernel_regularizer="l2", kernel_constraint="unit_norm", name="frozen"
    )
    model = network(frozen, Scaled(L2(0.1), trainable=False))
    model.build((None, 6))
    before = model.get_weights()[:2]
    model.fit(X, Y, verbose=0)
    assert model.losses == []
    assert all(map(np.array_equal, before, frozen.get_weights()))
    frozen.trainable = True
    assert model.losses == [regularizers.L2()(frozen.kernel)]


@pytest.mark.parametrize(
    "constraint",
    [
        constraints.MaxNorm(0.7),
        constraints.MaxNorm(0.7, axis=1),
        constraints.MaxNorm(0.7, axis=[0, 1]),
        constraints.NonNeg(),
        constraints.UnitNorm(),
        constraints.UnitNorm(axis=-1),
        constraints.MinMaxNorm(0.4, 0.9),
    ],
    ids=str,
)
def test_constraints_hold_after_each_step_and_are_idempotent(constraint):
    for own in (
        Dense(5, "tanh", dtype="float64", kernel_constraint=constraint),
        Scaled(constraint=constraint, dtype="float64"),
    ):
        model = network(own, optimizer="adam")
        model.fit(X, Y, verbose=0)
        (w, *_) = own.get_weights()
        assert np.abs(constraint(w) - w).max() < 1e-6
    w = RNG.normal(size=(6, 4))
    once = constraint(w)
    assert np.abs(constraint(once) - once).max() < 1e-6
    assert not np.allclose(once, w)


def test_min_max_norm_goes_by_its_rate():
    w = RNG.normal(size=(6, 4))
    found = constraints.MinMaxNorm(0.1, 0.5, rate=0.25)(w)
    norms = np.sqrt((w**2).sum(0, keepdims=True))
    goal = 0.25 * np.clip(norms, 0.1, 0.5) + 0.75 * norms
    assert np.abs(found - w * goal / (1e-7 + norms)).max() < 1e-14


ALL = {
    "kernel_regularizer": L1L2(1e-3, 1e-2),
    "bias_regularizer": "l1",
    "activity_regularizer": "l2",
    "kernel_constraint": constraints.MaxNorm(0.8),
}


@pytest.mark.parametrize("clip", [{}, {"clipnorm": 0.5}, {"global_clipnorm": 0.5}], ids=str)
def test_the_bits_are_those_of_any_threads_and_levels(clip):
    x, y = RNG.normal(size=(64, 300)).astype("float32"), RNG.normal(size=(64, 3))
    level, found = _core.simd_level(), []
    try:
        for name in ("baseline", "avx2", "avx512"):
            _core.set_simd_level(name)
            for threads in (1, 2):
                own = Dense(90, "relu", **ALL)
                orthogonal = Dense(20, kernel_regularizer=OrthogonalRegularizer(0.5))
                model = network(own, orthogonal, optimizer=fanin.optimizers.Adam(1e-3, **clip))
                history = model.fit(x, y, batch_size=16, epochs=2, verbose=0, threads=threads)
                found.append((model.params.tobytes(), history.history["loss"]))
    finally:
        _core.set_simd_level(level)
    assert all(other == found[0] for other in found)


def test_many_networks_have_each_their_own():
    def arms():
        for l2 in (0.0, 1e-3, 0.1):
            yield network(
                Dense(
                    4,
                    "tanh",
                    kernel_regularizer=L2(l2),
                    **{name: value for name, value in ALL.items() if name != "kernel_regularizer"},
                ),
                optimizer="adam",
            )

    many, alone = [*arms()], [*arms()]
    histories = fanin.fit_many(many, X, Y, epochs=2, verbose=0)
    for together, single, history in zip(many, alone, histories, strict=True):
        assert single.fit(X, Y, epochs=2, verbose=0).history == history.history
        assert np.array_equal(together.params, single.params)
    assert not np.array_equal(many[0].params, many[2].params)


class Squares(fanin.losses.Loss):
    def value_and_gradient(self, y_true, y_pred):
        error = y_pred - y_true
        return (error**2).mean(), 2 * error / error.size


def test_a_loss_in_python_has_the_penalties_of_weights():
    own = {name: value for name, value in ALL.items() if name != "activity_regularizer"}
    python = network(Dense(4, "tanh", dtype="float64", **own), loss=Squares(), optimizer="adam")
    core = network(Dense(4, "tanh", dtype="float64", **own), optimizer="adam")
    found, expected = (model.fit(X, Y, epochs=3, verbose=0).history for model in (python, core))
    assert np.allclose(found["loss"], expected["loss"], rtol=1e-12)
    assert np.allclose(python.params, core.params, rtol=1e-9)
    assert np.isclose(*(m.evaluate(X, Y, verbose=0) for m in (python, core)), rtol=1e-12)
    outputs = network(Dense(4, activity_regularizer="l1"), loss=Squares())
    for loss in (Squares(), lambda y, outputs: ops.mean(ops.square(y - outputs), axis=-1)):
        outputs.compile("sgd", loss)
        with pytest.raises(ValueError, match=r"activity_regularizer: expected a loss of fanin"):
            outputs.fit(X, Y, verbose=0)


def test_passes_by_hand_are_those_without():
    plain, own = Dense(4, "tanh"), Dense(4, "tanh", **ALL)
    for layer in (plain, own):
        layer.build((None, 6), rng=0)
    (y, cache), (y_own, cache_own) = plain.forward(X), own.forward(X)
    assert np.array_equal(y, y_own)
    dy = np.ones_like(y)
    (dx, grads), (dx_own, grads_own) = plain.backward(dy, cache), own.backward(dy, cache_own)
    assert np.array_equal(dx, dx_own)
    assert np.array_equal(grads["kernel"], grads_own["kernel"])
    assert np.isclose(own.losses[0], ALL["kernel_regularizer"](own.kernel))


def test_copies_files_and_configurations_keep_them(tmp_path):
    model = fanin.Sequential(
        [
            Dense(4, "relu", **ALL),
            BatchNormalization(gamma_regularizer="l2", beta_constraint="non_neg"),
            layers.ActivityRegularization(l2=0.1),
            Dense(3),
        ],
        rng=0,
    )
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "model.fanin")
    twins = [
        fanin.models.load_model(tmp_path / "model.fanin"),
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),
    ]
    config = model.layers[0].get_config()
    assert config["kernel_regularizer"] == {
        "class_name": "L1L2",
        "config": {"l1": 1e-3, "l2": 1e-2},
    }
    assert config["kernel_constraint"]["config"] == {"max_value": 0.8, "axis": 0}
    assert "bias_constraint" not in config
    clone = fanin.models.clone_model(model)
    assert clone.layers[0].get_config() == config
    source = fanin.random.Stream(3)
    model.fit(X, Y, verbose=0, rng=source)
    for twin in twins:
        twin.fit(X, Y, verbose=0, rng=source)
        assert np.array_equal(twin.params, model.params)


def test_a_number_that_is_set_counts_from_the_next_step():
    regularizer = L2(0.0)
    model = network(Dense(4, kernel_regularizer=regularizer))
    model.fit(X, Y, verbose=0)
    assert model.losses == [0.0]
    regularizer.l2 = 0.5
    assert model.losses == [L2(0.5)(model.layers[0].kernel)]
    model.layers[0].kernel_regularizer = None
    assert model.losses == []


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: L1(-0.1), ValueError, "l1: expected a number at least 0, found -0.1"),
        (lambda: L2(float("nan")), ValueError, "l2: expected a finite number at least 0"),
        (lambda: L1L2(l2=float("inf")), ValueError, "l2: expected a finite number"),
        (lambda: L2("much"), TypeError, "l2: expected a number"),
        (lambda: OrthogonalRegularizer(mode="row"), ValueError, "mode: expected"),
        (lambda: constraints.MaxNorm(-1), ValueError, "max_value: expected a number at least 0"),
        (lambda: constraints.MinMaxNorm(2.0, 1.0), ValueError, "min_value: expected at most"),
        (lambda: constraints.MinMaxNorm(rate=1.5), ValueError, "rate: expected a number"),
        (lambda: constraints.UnitNorm(axis=0.5), TypeError, "axis: expected a whole number"),
        (lambda: constraints.UnitNorm(axis=[0, 0]), ValueError, "axis: expected different axes"),
        (lambda: Dense(2, kernel_regularizer="l3"), ValueError, "kernel_regularizer: .*'l3'"),
        (lambda: Dense(2, kernel_constraint="max"), ValueError, "kernel_constraint: .*max_norm"),
        (lambda: Dense(2, kernel_regularizer=0.01), TypeError, "kernel_regularizer: .*a name"),
        (lambda: Dense(2, bias_regularizer=abs), TypeError, "computed in compiled code"),
        (lambda: Dense(2, bias_constraint=abs), TypeError, "put back in compiled code"),
        (
            lambda: Dense(2, activity_regularizer=OrthogonalRegularizer()),
            ValueError,
            "activity_regularizer: expected L1, L2 or L1L2",
        ),
        (
            lambda: layers.ActivityRegularization(activity_regularizer="l1"),
            ValueError,
            "activity_regularizer: expected l1 and l2 instead",
        ),
        (
            lambda: network(Dense(2, bias_regularizer=OrthogonalRegularizer())).build((None, 6)),
            ValueError,
            "bias_regularizer: expected a matrix of at least 2 rows",
        ),
        (
            lambda: network(Dense(2, bias_constraint=constraints.MaxNorm(axis=1))).build((None, 6)),
            ValueError,
            "axis of bias_constraint: expected axes of an array of shape",
        ),
        (lambda: type("Own", (L2,), {"__call__": abs}), TypeError, "cannot be overridden"),
    ],
)
def test_what_is_impossible_is_refused_in_one_sentence(make, error, words):
    with pytest.raises(error, match=words) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_names_mean_what_they_mean_in_keras():
    assert regularizers.get(None) is None
    assert constraints.get(None) is None
    assert repr(regularizers.get("L1")) == repr(regularizers.l1()) == "L1(l1=0.01)"
    assert repr(regularizers.get("l1_l2")) == "L1L2(l1=0.0, l2=0.0)"
    assert isinstance(constraints.get("min_max_norm"), constraints.MinMaxNorm)
    for module, members in (
        (regularizers, REGULARIZERS),
        (constraints, [constraints.MinMaxNorm(0.1, 2, 0.5, [0, 1]), constraints.NonNeg()]),
    ):
        for member in members:
            assert repr(module.deserialize(module.serialize(member))) == repr(member)


def lanes(terms):
    """Add numbers as docs/bits.md says: number i to running sum i mod 8, and these in order."""
    running = [0.0] * 8
    for i, term in enumerate(terms):
        running[i % 8] += float(term)
    total = 0.0
    for one in running:
        total += one
    return total


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_penalties_and_constraints_have_the_bits_of_the_page(dtype):
    w = RNG.normal(size=(50, 43)).astype(dtype)
    absolute = squares = 0.0
    for start in range(0, w.size, 1024):
        piece = w.reshape(-1)[start : start + 1024].astype(float)
        absolute += lanes(np.abs(piece))
        squares += lanes(piece * piece)
    penalty, gradient = L1L2(0.3, 0.7).value_and_gradient(w)
    assert penalty == 0.3 * absolute + 0.7 * squares
    l1, l2 = np.asarray([0.3, 1.4], dtype)
    assert np.array_equal(gradient, l1 * np.sign(w) + l2 * w)

    tiny, one = np.asarray([1e-7, 1.0], dtype)
    along = [lanes(row * row) for row in w.astype(float)]
    norms = np.sqrt(along).astype(dtype)[:, np.newaxis]
    assert np.array_equal(constraints.UnitNorm(axis=1)(w), w * (one / (tiny + norms)))
    across = np.zeros(43)
    for row in w.astype(float):
        across += row * row
    norms = np.sqrt(across).astype(dtype)
    inside = np.minimum(norms, np.asarray(7.0, dtype))
    assert np.array_equal(constraints.MaxNorm(7.0)(w), w * (inside / (tiny + norms)))
