"""Embedding and CategoryEncoding: numbers, bits of training, what is refused and when, copies."""

import copy
import pickle

import fanin
import numpy as np
import pytest
from fanin import _core, initializers, layers, losses, optimizers
from fanin.errors import ShapeError
from numerics import distance

RNG = np.random.default_rng(0)
WORDS = RNG.integers(0, 7, (50, 4))
WORDS[3] = 5  # one row four times in a sample
Y = RNG.normal(size=(50, 2))


def words(dtype="float64", units=2, **kwargs):
    """A table of 7 vectors of 3, and dense layers."""
    return fanin.Sequential(
        [
            fanin.Input((4,), dtype="int32"),
            layers.Embedding(7, 3, dtype=dtype, name="table", **kwargs),
            layers.Flatten(),
            layers.Dense(5, "tanh"),
            layers.Dense(units),
        ],
        rng=0,
    )


# Numbers.


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(1,), (4,), (2, 3)])
def test_a_lookup_is_numpys(dtype, shape):
    layer = layers.Embedding(9, 5, dtype=dtype)
    x = RNG.integers(0, 9, (20, *shape))
    y, cache = layer.forward(x)
    assert y.dtype == dtype
    assert np.array_equal(y, layer.embeddings[x])
    assert layer.compute_output_shape((None, *shape)) == layer.output_shape == (None, *shape, 5)
    dy = RNG.normal(size=y.shape).astype(dtype)
    dx, grads = layer.backward(dy, cache)
    assert not dx.any()
    assert dx.shape == x.shape
    expected = np.zeros((9, 5), dtype)
    np.add.at(expected, x, dy)  # one after the other, in this dtype
    assert grads["embeddings"].tobytes() == expected.tobytes()
    # Memory that was written before is none to add to.
    grads["embeddings"][...] = 7.0
    _, again = layer.backward(dy, layer.forward(x)[1], out=(dx, grads))
    assert again["embeddings"].tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    ("mode", "shape", "made"),
    [
        ("multi_hot", (4,), (6,)),
        ("count", (4,), (6,)),
        ("one_hot", (4,), (4, 6)),
        ("one_hot", (1,), (6,)),
        ("multi_hot", (1,), (6,)),
        ("multi_hot", (2, 3), (2, 6)),
        ("count", (2, 3), (2, 6)),
        ("one_hot", (2, 1), (2, 6)),
        ("one_hot", (2, 3), (2, 3, 6)),
    ],
)
def test_encodings_are_numpys(mode, shape, made):
    x = RNG.integers(0, 6, (30, *shape))
    layer = layers.CategoryEncoding(6, mode, dtype="float64")
    y, cache = layer.forward(x)
    hot = np.eye(6)[x]
    expected = hot.sum(-2) if mode == "count" else hot.max(-2) if mode == "multi_hot" else hot
    assert np.array_equal(y, expected.reshape(30, *made))
    assert layer.compute_output_shape((None, *shape)) == (None, *made)
    dx, grads = layer.backward(np.ones_like(y), cache)
    assert not dx.any()
    assert grads == {}


def test_gradients_agree_with_differences():
    model = words()
    dy = RNG.normal(size=(50, 2))
    _, cache = model.forward(WORDS)
    _, grads = model.backward(dy, cache)
    flat = np.concatenate([grad.ravel() for grad in grads.values()])
    start, found = model.params.copy(), np.empty_like(flat)
    for i in range(len(flat)):
        ends = []
        for sign in (1, -1):
            model.params[...] = start
            model.params[i] += sign * 1e-6
            ends.append(float((model(WORDS) * dy).sum()))
        found[i] = (ends[0] - ends[1]) / 2e-6
    assert distance(flat, found) < 1e-6


class Lookups:
    """A random network of whole numbers, with plain NumPy beside it.

    Inputs are joined, turned and repeated before one of two shared tables or an encoding reads
    them; one input of numbers goes past.
    """

    def __init__(self, seed):
        rng = self.rng = np.random.default_rng(seed)
        self.sizes = [int(n) for n in rng.integers(1, 4, 2)]
        widths = [int(n) for n in rng.integers(1, 4, rng.integers(1, 4))]
        inputs = [fanin.Input((n,), dtype="int64", name=f"ids{i}") for i, n in enumerate(widths)]
        other = fanin.Input((2,), name="numbers", dtype="float64")
        tables = [
            layers.Embedding(5, n, name=f"table{i}", dtype="float64")
            for i, n in enumerate(self.sizes)
        ]
        self.read, values = [], []
        for _ in range(int(rng.integers(1, 5))):
            picked = [int(i) for i in rng.integers(0, len(inputs), rng.integers(1, 3))]
            value = inputs[picked[0]]
            if len(picked) > 1:
                value = layers.Concatenate()([inputs[i] for i in picked])
            turn = str(rng.choice(["as it is", "reshape", "permute", "repeat"]))
            length = value.shape[-1]
            if turn == "reshape":
                value = layers.Reshape((length, 1))(value)
            elif turn == "permute":
                value = layers.Permute((2, 1))(layers.Reshape((1, length))(value))
            elif turn == "repeat":
                value = layers.RepeatVector(2)(value)
            which = int(rng.integers(0, 3))
            value = layers.CategoryEncoding(5)(value) if which == 2 else tables[which](value)
            self.read.append((picked, turn, which))
            values.append(value if value.ndim == 2 else layers.Flatten()(value))
        joined = layers.Concatenate()([*values, other])
        self.out = layers.Dense(2, dtype="float64", name="out")
        self.tables = [t for i, t in enumerate(tables) if any(w == i for _, _, w in self.read)]
        used = sorted({i for picked, _, _ in self.read for i in picked})
        self.model = fanin.Model([*(inputs[i] for i in used), other], self.out(joined), rng=seed)
        self.used, self.widths = used, widths

    def samples(self, n):
        whole = [self.rng.integers(0, 5, (n, self.widths[i])) for i in self.used]
        return [*whole, self.rng.normal(size=(n, 2))]

    def indices(self, x, picked, turn):
        found = np.concatenate([x[self.used.index(i)] for i in picked], axis=1)
        return np.concatenate([found, found], axis=1) if turn == "repeat" else found

    def reference(self, x, dy):
        """Outputs, and gradients by name."""
        parts, n = [], len(dy)
        for picked, turn, which in self.read:
            at = self.indices(x, picked, turn)
            if which < 2:
                table = self.model.get_layer(f"table{which}").embeddings
                parts.append(table[at].reshape(n, -1))
            else:
                rows = at.reshape(n, -1, 1) if turn == "reshape" else at.reshape(n, 1, -1)
                rows = at.reshape(n, 2, -1) if turn == "repeat" else rows
                rows = at.reshape(n, -1, 1) if turn == "permute" else rows
                parts.append(np.eye(5)[rows].max(-2).reshape(n, -1))
        joined = np.concatenate([*parts, x[-1]], axis=1)
        kernel = self.out.kernel
        grads = {"out/kernel": joined.T @ dy, "out/bias": dy.sum(0)}
        back, start = dy @ kernel.T, 0
        for (picked, turn, which), part in zip(self.read, parts, strict=True):
            mine = back[:, start : start + part.shape[1]]
            start += part.shape[1]
            if which < 2:
                size = self.sizes[which]
                grad = grads.setdefault(f"table{which}/embeddings", np.zeros((5, size)))
                np.add.at(grad, self.indices(x, picked, turn), mine.reshape(n, -1, size))
        return joined @ kernel + self.out.bias, grads


def test_random_lookups_are_what_numpy_makes_of_them():
    shared = 0
    for seed in range(60):
        graph = Lookups(seed)
        x, dy = graph.samples(6), graph.rng.normal(size=(6, 2))
        y, cache = graph.model.forward(x)
        _, grads = graph.model.backward(dy, cache)
        expected, theirs = graph.reference(x, dy)
        assert distance(y, expected) < 1e-12, seed
        assert grads.keys() == theirs.keys(), seed
        for name, grad in grads.items():
            assert distance(grad, theirs[name]) < 1e-12, (seed, name)
        which = [w for _, _, w in graph.read if w < 2]
        shared += len(set(which)) < len(which)
        graph.model.compile("sgd", "mse")
        graph.model.fit(x, dy, epochs=1, verbose=0)
        wrong = [*x[:-1], x[-1]]
        wrong[0] = wrong[0] + 5
        with pytest.raises(ValueError, match="expected whole numbers from 0 to 4"):
            graph.model.predict(wrong, verbose=0)
    assert shared >= 15


# Training.

RULES = {
    "SGD": lambda: optimizers.SGD(0.05),
    "SGD with momentum": lambda: optimizers.SGD(0.05, momentum=0.9),
    "SGD with decay": lambda: optimizers.SGD(0.05, weight_decay=0.1),
    "SGD, clipped": lambda: optimizers.SGD(0.05, clipvalue=0.01),
    "SGD of a norm": lambda: optimizers.SGD(0.05, global_clipnorm=0.1),
    "Adagrad": lambda: optimizers.Adagrad(0.05),
    "RMSprop": lambda: optimizers.RMSprop(0.01),
    "Adam": lambda: optimizers.Adam(0.01),
}


def by_hand(model, optimizer, x, y, epochs, size):
    """Train with dense gradients and steps over all parameters."""
    loss, slots = losses.MeanSquaredError(), optimizer.init(model.params)
    batches = -(-len(y) // size)
    for step in range(epochs * batches):
        rows = slice(step % batches * size, (step % batches + 1) * size)
        given = [part[rows] for part in x] if isinstance(x, list) else x[rows]
        outputs, cache = model.forward(given, training=True)
        _, dy = loss.value_and_gradient(y[rows], outputs)
        _, grads = model.backward(dy, cache)
        flat = next(iter(grads.values())).base
        _core.optimizer_step(optimizer.settings(), model.params, flat, slots, step, lr(optimizer))


def lr(optimizer):
    return float(optimizer.learning_rate)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_step_by_rows_has_the_bits_of_one_over_all_rows(rule, dtype):
    y = Y.astype(dtype)
    theirs, ours = words(dtype), words(dtype)
    for model in (theirs, ours):
        model.get_layer("table").embeddings[6] = 0.25
    x = np.where(WORDS == 6, 0, WORDS)  # a row that nobody looks up
    by_hand(theirs, RULES[rule](), x, y, 3, 16)
    ours.compile(RULES[rule](), "mse")
    ours.fit(x, y, batch_size=16, epochs=3, shuffle=False, verbose=0)
    assert ours.params.tobytes() == theirs.params.tobytes()
    moved = rule in ("SGD with decay",)
    assert np.array_equal(ours.get_layer("table").embeddings[6], np.full(3, 0.25, dtype)) != moved


@pytest.mark.parametrize("rule", ["SGD", "Adagrad", "Adam"])
def test_tables_that_are_read_several_times_move_once_a_step(rule):
    for seed in range(20):
        ours, theirs = Lookups(seed), Lookups(seed)
        x, y = ours.samples(40), ours.rng.normal(size=(40, 2))
        by_hand(theirs.model, RULES[rule](), x, y, 2, 16)
        ours.model.compile(RULES[rule](), "mse")
        ours.model.fit(x, y, batch_size=16, epochs=2, shuffle=False, verbose=0)
        assert ours.model.params.tobytes() == theirs.model.params.tobytes(), seed


def test_a_loss_of_ones_own_trains_to_the_same_bits():
    class Mine(losses.Loss):
        def value_and_gradient(self, y_true, y_pred):
            return losses.MeanSquaredError().value_and_gradient(y_true, y_pred)

    for rule in ("SGD", "Adagrad", "Adam"):
        found = []
        for loss in ("mse", Mine()):
            model = words("float32")
            model.compile(RULES[rule](), loss)
            model.fit(WORDS, Y, batch_size=16, epochs=3, verbose=0)
            found.append(model.params.tobytes())
        assert found[0] == found[1], rule


@pytest.mark.parametrize("rule", ["SGD", "Adagrad", "Adam"])
def test_bits_do_not_depend_on_threads_and_levels(rule):
    x, y = RNG.integers(0, 40, (600, 5)), RNG.normal(size=(600, 1))

    def trained(threads):
        model = fanin.Sequential(
            [layers.Embedding(40, 24, input_shape=(5,)), layers.Flatten(), layers.Dense(1)], rng=0
        )
        model.compile(RULES[rule](), "mse")
        model.fit(x, y, batch_size=256, epochs=2, verbose=0, threads=threads)
        return model.params.tobytes()

    level = _core.simd_level()
    try:
        expected = trained(1)
        for name in ("baseline", "avx2", "avx512"):
            _core.set_simd_level(name)
            for threads in (1, 2, 3):
                assert trained(threads) == expected, (name, threads)
    finally:
        _core.set_simd_level(level)


def test_callbacks_batch_by_batch_and_fit_many_change_no_bits():
    def trained(fit):
        models = [words("float32") for _ in range(2)]
        for model in models:
            model.compile(RULES["SGD"](), "mse")
        fit(models)
        return models[0].params.tobytes()

    class Watches(fanin.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            pass

    given = {"batch_size": 16, "epochs": 3, "verbose": 0}
    expected = trained(lambda models: models[0].fit(WORDS, Y, **given))
    watched = trained(lambda models: models[0].fit(WORDS, Y, callbacks=[Watches()], **given))
    assert watched == expected
    assert trained(lambda models: fanin.fit_many(models, WORDS, Y, **given)) == expected


def test_a_frozen_table_stays():
    for rule in ("SGD", "Adam"):
        model = words(trainable=False)
        before = model.get_layer("table").embeddings.copy()
        model.compile(RULES[rule](), "mse")
        model.fit(WORDS, Y, epochs=2, verbose=0)
        assert np.array_equal(model.get_layer("table").embeddings, before)


def test_a_category_of_a_table_is_learnt():
    x = np.arange(200) % 10
    model = fanin.Sequential(
        [layers.Embedding(10, 4, input_shape=(1,)), layers.Flatten(), layers.Dense(1)], rng=0
    )
    model.compile(optimizers.Adam(0.05), "mse")
    history = model.fit(x, np.sin(x), epochs=60, verbose=0)
    assert history.history["loss"][-1] < 1e-3
    assert np.abs(model.predict(x, verbose=0)[:, 0] - np.sin(x)).max() < 0.1


# Input that is refused, and when.

HOSTILE = {
    "negative": (np.array([[0, -1, 2, 3]]), r"found -1 at \[0, 1\]"),
    "too large": (np.array([[0, 1, 2, 7]]), r"found 7 at \[0, 3\]"),
    "a fraction": (np.array([[0.5, 1, 2, 3]]), r"found 0.5 at \[0, 0\]"),
    "nearly 1": (np.array([[0, 1 - 1e-12, 2, 3]]), r"found 0.99999\d* at \[0, 1\]"),
    "nearly 0": (np.array([[0, -1e-60, 2, 3]]), r"found -1e-60 at \[0, 1\]"),
    "beyond 2**53": (np.array([[0, 2**53 + 1, 2, 3]]), rf"found {2**53 + 1} at \[0, 1\]"),
    "the largest": (np.array([[0, 2**64 - 1, 2, 3]], "uint64"), rf"found {2**64 - 1} at"),
    "NaN": (np.array([[0, np.nan, 2, 3]]), r"found nan at \[0, 1\]"),
    "infinity": (np.array([[0, np.inf, 2, 3]]), r"found inf at \[0, 1\]"),
    "a list": ([[1, 2, 3, 9]], r"found 9 at \[0, 3\]"),
    "strings": (np.array([["a", "b", "c", "d"]]), "expected numbers, found the text 'a'"),
    "objects": (np.array([[0, None, 2, 3]], object), "missing value"),
}
CALLS = {
    "fit": lambda model, x: model.fit(x, Y[:1], verbose=0),
    "evaluate": lambda model, x: model.evaluate(x, Y[:1], verbose=0),
    "predict": lambda model, x: model.predict(x, verbose=0),
    "call": lambda model, x: model(x),
    "forward": lambda model, x: model.forward(x, training=True),
    "validation": lambda model, x: model.fit(
        WORDS, Y, validation_data=(x, Y[:1]), epochs=1, verbose=0
    ),
    "many": lambda model, x: fanin.fit_many([model], x, Y[:1], epochs=1, verbose=0),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_numbers_are_refused_before_anything_changes(call, hostile):
    x, message = HOSTILE[hostile]
    open_shape = fanin.Sequential(
        [layers.Embedding(7, 3, name="table"), layers.Flatten(), layers.Dense(2)], rng=0
    )
    ids = fanin.Input((4,), dtype="int32")
    value = layers.Flatten()(layers.Embedding(7, 3, name="table")(ids))
    functional = fanin.Model(ids, layers.Dense(2)(value), rng=0)
    for model in (words(), open_shape, functional):
        model.compile("sgd", "mse")
        built = model.built
        before = [w.tobytes() for w in model.weights]
        with pytest.raises((ValueError, TypeError), match=message) as caught:
            CALLS[call](model, x)
        if "found" in message and "text" not in message and hostile not in ("NaN", "infinity"):
            assert "whole numbers from 0 to 6 for layer 'table'" in str(caught.value)
        assert model.built == built
        assert [w.tobytes() for w in model.weights] == before
        assert model.optimizer.iterations == 0


def test_each_input_is_named():
    left, right = (fanin.Input((2,), name=name, dtype="int64") for name in ("left", "right"))
    table = layers.Embedding(4, 2, name="table")
    both = layers.Concatenate()([table(left), layers.Embedding(9, 2, name="wide")(right)])
    model = fanin.Model([left, right], layers.Dense(1)(layers.Flatten()(both)))
    good = np.zeros((3, 2), int)
    assert model.predict([good, good + 8], verbose=0).shape == (3, 1)
    bad = good.copy()
    bad[2, 1] = 4
    message = r"x\['left'\]: expected whole numbers from 0 to 3 for layer 'table', found 4 at "
    with pytest.raises(ValueError, match=message + r"\[2, 1\]"):
        model.predict([bad, good], verbose=0)
    with pytest.raises(ValueError, match=r"x\['right'\]: .* 0 to 8 for layer 'wide', found 9"):
        model({"left": good, "right": good + 9})


def test_each_of_many_networks_is_asked():
    models = [
        fanin.Sequential(
            [
                layers.Embedding(n, 2, input_shape=(4,), name="table"),
                layers.Flatten(),
                layers.Dense(2),
            ]
        )
        for n in (7, 5)
    ]
    for model in models:
        model.compile("sgd", "mse")
    few = WORDS % 5
    fanin.fit_many(models, few, Y, epochs=1, verbose=0, validation_data=(few, Y))
    before = [model.params.copy() for model in models]
    message = r"models\[1\]: x: expected whole numbers from 0 to 4 for layer 'table', found"
    with pytest.raises(ValueError, match=message):
        fanin.fit_many(models, few + 2 * (few == 4), Y, epochs=1, verbose=0)
    with pytest.raises(ValueError, match=r"models\[1\]: x of validation_data: expected whole"):
        fanin.fit_many(
            models, few, Y, epochs=1, verbose=0, validation_data=(few + 2 * (few == 4), Y)
        )
    assert all(map(np.array_equal, before, [model.params for model in models]))


def test_flags_are_whole_numbers_and_so_are_floats_that_are_none():
    model = words()
    expected = model.predict(np.ones((2, 4), int), verbose=0)
    for same in (np.ones((2, 4), bool), np.ones((2, 4)), np.ones((2, 4), "uint8"), [[1.0] * 4] * 2):
        assert np.array_equal(model.predict(same, verbose=0), expected)


def test_a_layer_refuses_what_it_cannot_look_up():
    layer = layers.Embedding(4, 2)
    for wrong in ([[4]], [[-1]], [[0.5]], [[np.nan]]):
        with pytest.raises(ValueError, match="x: expected whole numbers from 0 to 3 for layer"):
            layer(np.array(wrong))
    assert not layer.built
    with pytest.raises(ShapeError, match="expected an array of shape"):
        layer(np.array([1, 2]))
    first = layer(np.array([[1, 2]]))
    assert np.array_equal(layer(np.array([[1, 2, 3]]))[:, :2], first)  # as many as there are
    assert layer.output_shape == (None, 3, 2)


def test_what_other_layers_compute_is_not_looked_up():
    inputs = fanin.Input((3,))
    message = "layer 'table': expected numbers of the network's inputs"
    for between in (layers.Dense(3), layers.Rescaling(2.0), layers.Dropout(0.5)):
        with pytest.raises(ValueError, match=message):
            fanin.Model(inputs, layers.Embedding(4, 2, name="table")(between(inputs)))
        row = [fanin.Input((3,)), copy.deepcopy(between), layers.Embedding(4, 2, name="table")]
        with pytest.raises(ValueError, match=message):
            fanin.Sequential(row)
    with pytest.raises(ValueError, match="layer 'codes': expected numbers of the network's inputs"):
        fanin.Model(inputs, layers.CategoryEncoding(4, name="codes")(layers.Dense(3)(inputs)))
    # A network that is not built says it when it is.
    late = fanin.Sequential([layers.Dense(3), layers.Embedding(4, 2, name="table")])
    with pytest.raises(ValueError, match=message):
        late.build((None, 3))
    assert not late.built


def test_a_dtype_tells_so_many_numbers_apart():
    table = {"kind": "embedding", "output_dim": 1, "trainable": True}
    codes = {"kind": "category_encoding", "output_mode": "count"}
    for dtype, most in (("float32", 2**24), ("float64", 2**53)):
        assert _core.Plan((1,), [{**table, "input_dim": most}], dtype).parameter_count == most
        for settings, name in ((table, "input_dim"), (codes, "num_tokens")):
            with pytest.raises(ValueError, match=f"{name}: expected at most {most}, as {dtype}"):
                _core.Plan((1,), [{**settings, name: most + 1}], dtype)
    with pytest.raises(
        ValueError, match="does not tell larger whole numbers apart, found 16777217"
    ):
        layers.Embedding(2**24 + 1, 1).build((None, 1))
    # The largest that there is, as itself.
    layer = layers.Embedding(2**24, 1, embeddings_initializer="zeros")
    layer.build((None, 1))
    layer.embeddings[-2:] = [[1.0], [2.0]]
    assert layer(np.array([[2**24 - 2], [2**24 - 1]])).ravel().tolist() == [1.0, 2.0]


def test_the_core_by_itself_looks_up_no_row_that_is_not_there():
    plan = _core.Plan((2,), [{"kind": "embedding", "input_dim": 3, "output_dim": 1}], "float32")
    assert plan.lookups == [(0, 3, [(0, 2)])]
    params = np.arange(3, dtype="float32")
    x = np.array([[0, 3], [-1, np.nan], [np.inf, 2]], "float32")
    y, cache = plan.forward(params, np.empty(0, "float32"), x, False)
    assert np.array_equal(y[..., 0], [[0, np.nan], [np.nan, np.nan], [np.nan, 2]], equal_nan=True)
    _, dw = plan.backward(params, cache, np.ones_like(y))
    assert dw.tolist() == [1, 0, 1]


def test_a_plan_says_which_numbers_of_a_sample_are_looked_up():
    first, second = fanin.Input((2,), name="first"), fanin.Input((3,), name="second")
    rows = [
        (second, [(2, 5)]),
        (layers.Concatenate()([second, first]), [(0, 5)]),
        (layers.Permute((2, 1))(layers.RepeatVector(2)(first)), [(0, 2)]),
        (layers.Reshape((1, 3))(second), [(2, 5)]),
    ]
    for value, places in rows:
        looked_up = layers.Embedding(4, 2, name="table")(value)
        sides = [layers.Flatten()(looked_up), first, second]
        model = fanin.Model([first, second], layers.Concatenate()(sides))
        (found,) = model.plan_for((5,)).lookups
        assert found[1:] == (4, places)
        assert model.computing[found[0]].name == "table"
    assert fanin.Sequential([layers.Dense(2, input_dim=3)]).ready().lookups == []


# Options, values to start with, copies.


def test_values_to_start_with():
    table = RNG.normal(size=(7, 3))
    for given in (table, [table], table.tolist(), (table,)):
        model = words(weights=given)
        assert np.array_equal(model.get_layer("table").embeddings, table)
    assert np.array_equal(layers.Embedding(1, 2, weights=[[1.0, 2.0]]).embeddings, [[1.0, 2.0]])
    for wrong, error in ((table.T, ShapeError), ([table, table], ShapeError), ("a", TypeError)):
        with pytest.raises(error, match="weights: expected"):
            layers.Embedding(7, 3, weights=wrong)
    # Nothing is drawn for them.
    fanin.utils.set_random_seed(1)
    layers.Embedding(7, 3, weights=table)
    drawn = initializers.HeNormal()((3, 3))
    fanin.utils.set_random_seed(1)
    assert np.array_equal(drawn, initializers.HeNormal()((3, 3)))


def test_a_table_starts_as_in_keras():
    layer = layers.Embedding(1000, 20)
    layer.build((None, 1), rng=0)
    assert 0.049 < np.abs(layer.embeddings).max() <= 0.05
    assert layer.count_params() == 20_000
    layer = layers.Embedding(1000, 20, "glorot_uniform")
    layer.build((None, 1), rng=0)
    limit = np.sqrt(6 / 1020)  # its shape counts as a kernel's
    assert 0.98 * limit < np.abs(layer.embeddings).max() <= limit
    # A lookup sums nothing up.
    model = fanin.Sequential([layers.Embedding(4000, 50, input_shape=(1,), name="table")])
    fanin.initialize(model, "lecun_normal", seed=0)
    assert abs(model.get_layer("table").embeddings.std() - 1) < 0.01


def test_arguments():
    with pytest.warns(UserWarning, match="input_length: not needed"):
        layers.Embedding(5, 2, input_length=3)
    for name, value in (
        ("mask_zero", True),
        ("lora_rank", 2),
    ):
        with pytest.raises(ValueError, match=f"Embedding does not support {name}"):
            layers.Embedding(5, 2, **{name: value})
    layers.Embedding(5, 2, mask_zero=False, embeddings_regularizer=None)
    for wrong in (0, -1):
        with pytest.raises(ValueError, match="input_dim: expected a whole number of at least 1"):
            layers.Embedding(wrong, 2)
    with pytest.raises(TypeError, match="output_dim: expected a whole number"):
        layers.Embedding(2, 2.5)
    with pytest.raises(ValueError, match="CategoryEncoding does not support sparse"):
        layers.CategoryEncoding(3, sparse=True)
    assert layers.CategoryEncoding(3, "binary").output_mode == "multi_hot"
    with pytest.raises(ValueError, match="output_mode: expected 'multi_hot' or 'one_hot'"):
        layers.CategoryEncoding(3, "int")
    with pytest.raises(TypeError):
        layers.CategoryEncoding()
    assert layers.Embedding(5, 2, input_shape=(3,)).declared_shape == (3,)


TWINS = {
    "pickle": lambda model, folder: pickle.loads(pickle.dumps(model)),
    "deepcopy": lambda model, folder: copy.deepcopy(model),
    "file": lambda model, folder: (
        model.save(folder / "model.npz"),
        fanin.models.load_model(folder / "model.npz"),
    )[1],
}


@pytest.mark.parametrize("make", TWINS)
@pytest.mark.parametrize("rule", ["SGD", "Adagrad", "Adam"])
def test_a_twin_trains_on_to_the_same_bits(make, rule, tmp_path):
    model = words("float32")
    model.compile(RULES[rule](), "mse")
    model.fit(WORDS, Y, epochs=2, verbose=0)
    twin = TWINS[make](model, tmp_path)
    assert twin.get_config() == model.get_config()
    for each in (model, twin):
        each.fit(WORDS, Y, initial_epoch=2, epochs=4, verbose=0)
    assert twin.params.tobytes() == model.params.tobytes()
    with pytest.raises(ValueError, match="found 7 at"):
        twin.predict(WORDS + 7 * (WORDS == 0), verbose=0)


def test_samples_of_one_number_may_lack_their_axis():
    model = fanin.Sequential([fanin.Input((1,), dtype="int32"), layers.Embedding(5, 2)], rng=0)
    flat = model.predict(np.array([1, 4]), verbose=0)
    assert flat.shape == (2, 1, 2)
    assert np.array_equal(flat, model.predict(np.array([[1], [4]]), verbose=0))
    with pytest.raises(ValueError, match=r"found 5 at \[1\]"):
        model.predict(np.array([1, 5]), verbose=0)


def test_a_layer_taken_into_another_model_keeps_its_table():
    first = words()
    ids = fanin.Input((2,), dtype="int32")
    table = first.get_layer("table")
    second = fanin.Model(ids, table(ids))
    assert np.shares_memory(second.params, first.params)
    assert np.array_equal(second.predict([[1, 2]], verbose=0)[0], table.embeddings[[1, 2]])


def test_what_looks_at_networks_takes_tables():
    model = fanin.Sequential(
        [layers.Embedding(7, 4, input_shape=(4,), name="table"), layers.Flatten(), layers.Dense(2)],
        rng=0,
    )
    model.compile("sgd", "mse")
    report = fanin.diagnose(model, WORDS, Y)
    assert [layer.kind for layer in report.layers] == ["embedding", "flatten", "dense"]
    assert repr(fanin.theory.predict(model, WORDS)) == "Prediction(3 layers)"
    with pytest.raises(ValueError, match="found 7 at"):
        fanin.diagnose(model, WORDS + 7 * (WORDS == 0), Y)
    fanin.lsuv(model, WORDS)
    table = model.get_layer("table").embeddings
    model.summary(print_fn=str)
    assert np.array_equal(model.layers[0](WORDS), table[WORDS])
