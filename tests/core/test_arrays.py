"""Arrays as people have them: views, transposed, reversed, read-only, misaligned, byte-swapped.

Each gives the result of its plain copy, or a clear exception; no result is lost in a hidden copy.
"""

import fanin
import members
import numpy as np
import pytest
from fanin import _core
from fanin.errors import ShapeError
from fanin.models._samples import Samples
from numerics import RandomNetwork, objective


def misaligned(a):
    raw = np.empty(a.nbytes + 1, np.uint8)[1:]
    view = raw.view(a.dtype).reshape(a.shape)
    view[...] = a
    assert not view.flags.aligned or view.size == 0
    return view


def spread(a):
    """Every second element of a larger array, along every axis."""
    large = np.zeros([2 * n for n in a.shape], a.dtype)
    view = large[tuple(slice(None, None, 2) for _ in a.shape)]
    view[...] = a
    return view


def reversed_view(a):
    back = tuple(slice(None, None, -1) for _ in a.shape)
    return np.ascontiguousarray(a[back])[back]


def read_only(a):
    a = a.copy()
    a.flags.writeable = False
    return a


LAYOUTS = {
    "Fortran order": np.asfortranarray,
    "every second element": spread,
    "negative strides": reversed_view,
    "read-only": read_only,
    "misaligned": misaligned,
    "byte-swapped": lambda a: a.astype(a.dtype.newbyteorder()),
    "a subclass": np.ma.masked_array,
}
PLAIN = (ShapeError, ValueError, TypeError)


@pytest.fixture
def model():
    layers = [
        fanin.layers.Dense(6, activation="relu", input_shape=(5,)),
        fanin.layers.BatchNormalization(),
        fanin.layers.Dense(3, activation="softmax"),
    ]
    model = fanin.Sequential(layers, rng=0)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def data(rows=40):
    rng = np.random.default_rng(1)
    return rng.normal(size=(rows, 5)).astype("float32"), rng.integers(0, 3, rows)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_model_takes_any_layout(model, layout):
    change = LAYOUTS[layout]
    x, y = data()
    weights = np.linspace(0.5, 2, len(x))
    kept = [a.copy() for a in (x, y, weights)]
    twin = fanin.Sequential.from_config(model.get_config())
    twin.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    twin.build((None, 5))
    twin.set_weights([change(w) for w in model.get_weights()])
    for mine, theirs in zip(model.get_weights(), twin.get_weights(), strict=True):
        assert np.array_equal(mine, theirs)

    odd = change(x), change(y), change(weights)
    assert np.array_equal(model.predict(odd[0], verbose=0), model.predict(x, verbose=0))
    assert model.evaluate(*odd[:2], verbose=0) == model.evaluate(x, y, verbose=0)
    model.fit(x, y, sample_weight=weights, epochs=2, batch_size=16, verbose=0, rng=2)
    twin.fit(*odd[:2], sample_weight=odd[2], epochs=2, batch_size=16, verbose=0, rng=2)
    for mine, theirs in zip(model.get_weights(), twin.get_weights(), strict=True):
        assert np.array_equal(mine, theirs)
    for now, then in zip((x, y, weights), kept, strict=True):
        assert np.array_equal(now, then), "the caller's array was changed"


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "int64", "float16", "float64", "bool"])
def test_a_model_takes_any_real_numbers(model, dtype):
    x = np.arange(200).reshape(40, 5).astype(dtype)
    expected = model.predict(x.astype("float32"), verbose=0)
    assert np.array_equal(model.predict(x, verbose=0), expected)


def test_a_broadcast_array_is_taken_as_it_looks(model):
    x = np.broadcast_to(np.float32(0.5), (40, 5))
    assert np.array_equal(model.predict(x, verbose=0), model.predict(x.copy(), verbose=0))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("row", members.LAYERS, ids=members.name_of)
def test_a_layer_takes_any_layout(row, layout):
    layer = row.make(fanin.layers)
    layer.build((None, *row.input_shape), rng=0)
    x = np.random.default_rng(3).normal(size=(7, *row.input_shape)).astype("float32")
    y, cache = layer.forward(x, training=False)
    dx, grads = layer.backward(np.ones_like(y), cache)
    odd_y, odd_cache = layer.forward(LAYOUTS[layout](x), training=False)
    odd_dx, odd_grads = layer.backward(LAYOUTS[layout](np.ones_like(y)), odd_cache)
    assert np.array_equal(odd_y, y)
    assert np.array_equal(odd_dx, dx)
    assert all(np.array_equal(odd_grads[name], grads[name]) for name in grads)


def outcome(call):
    """What a call returns, or None where it refuses in so many words."""
    try:
        return call()
    except PLAIN:
        return None


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_core_reads_a_layout_right_or_refuses_it(layout, dtype):
    change = LAYOUTS[layout]
    rng = np.random.default_rng(5)
    x = rng.normal(size=(9, 4)).astype(dtype)
    loss = {"kind": "mean_squared_error"}
    net = RandomNetwork(
        (4,), [members.dense(3, members.TANH), members.batch_normalization()], dtype
    )
    targets = x[:, :3].copy()

    def evaluated(x, y):
        return np.array(_core.evaluate(net, objective(loss), Samples(x, y, None), 4))

    calls = [
        lambda a: _core.activate({"kind": "tanh"}, a),
        lambda a: _core.activate({"kind": "softmax"}, a),
        lambda a: _core.activate_backward({"kind": "tanh"}, a, x),
        lambda a: _core.activate_backward({"kind": "tanh"}, x, a),
        lambda a: _core.loss_rows(loss, a, x)[1],
        lambda a: _core.loss_rows(loss, x, a)[1],
        lambda a: _core.metric_rows(loss, a, x),
        lambda a: net.run(a, True)[0],
        lambda a: _core.predict(net, a, 4),
        lambda a: evaluated(a, targets),
    ]
    for call in calls:
        expected, got = call(x), outcome(lambda call=call: call(change(x)))
        assert got is None or np.array_equal(got, expected)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("which", ["params", "grads", "slots"])
def test_a_step_is_seen_by_the_caller_or_refused(which, layout):
    """Nothing is updated in a hidden copy and lost; a read-only array is not written to."""
    rng = np.random.default_rng(7)
    plain = {
        "params": rng.normal(size=12).astype("float32"),
        "grads": rng.normal(size=12).astype("float32"),
        "slots": np.zeros((2, 12), "float32"),
    }
    odd = {name: a.copy() for name, a in plain.items()}
    odd[which] = LAYOUTS[layout](odd[which])
    before = {name: a.copy() for name, a in odd.items()}

    def step(arrays):
        _core.optimizer_step(members.adam(), *arrays.values(), 0, 0.1)
        return True

    done = outcome(lambda: step(odd))
    if done and which != "grads":
        assert layout != "read-only"
    step(plain)
    for name in ("params", "slots"):
        assert np.array_equal(odd[name], plain[name] if done else before[name]), name


def test_one_array_in_two_roles_is_refused_or_right():
    """The parameters given as their own gradients: a borrow that must not be overlooked."""
    both = np.ones(8, "float32")
    outcome(
        lambda: _core.optimizer_step(members.sgd(), both, both, np.zeros((0, 8), "float32"), 0, 0.5)
    )
    assert np.array_equal(both, np.ones(8)) or np.array_equal(both, np.full(8, 0.5))
    net = RandomNetwork((4,), [members.dense(4), members.batch_normalization()], "float32")
    square = np.zeros(net.plan.state_count, "float32")
    outcome(lambda: net.plan.forward(net.params, square, square.reshape(-1, 4), True))
