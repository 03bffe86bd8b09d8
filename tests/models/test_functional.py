"""Graphs of layers: numbers against plain NumPy, bits against `Sequential`, copies and files."""

import copy
import pickle

import fanin
import numpy as np
import pytest
from fanin import _core, layers
from graphs import RandomGraph
from numerics import distance

SEEDS = range(200)


def passed(graph, x, dy, training, threads=None):
    y, cache = graph.model.forward(x, training, threads=threads)
    dx, grads = graph.model.backward(dy, cache, threads=threads)
    return y, dx if isinstance(dx, list) else [dx], grads


@pytest.mark.parametrize("tens", range(0, len(SEEDS), 10))
def test_random_graphs_are_what_numpy_makes_of_them(tens):
    for seed in SEEDS[tens : tens + 10]:
        graph = RandomGraph(seed)
        x, dy = graph.samples(5), graph.rng.normal(size=(5, 2))
        for training in (False, True):
            expected, dx_expected, of_parameters = graph.reference(x, dy, training)
            y, dx, grads = passed(graph, x, dy, training)
            assert distance(y, expected) < 1e-12, seed
            assert grads.keys() == of_parameters.keys(), seed
            # All together: some are 0 but for rounding, such as that of a shift that a norm undoes.
            mine = [*dx, *grads.values()]
            theirs = [*dx_expected, *(of_parameters[name] for name in grads)]
            mine, theirs = [np.concatenate([a.ravel() for a in both]) for both in (mine, theirs)]
            assert distance(mine, theirs) < 1e-12, seed


@pytest.mark.parametrize("tens", range(0, len(SEEDS), 20))
def test_gradients_of_random_graphs_agree_with_differences(tens):
    for seed in SEEDS[tens : tens + 20]:
        graph = RandomGraph(seed)
        model, x, dy = graph.model, graph.samples(4), graph.rng.normal(size=(4, 2))
        _, _, grads = passed(graph, x, dy, False)
        way = graph.rng.normal(size=model.params.shape)
        flat = np.concatenate([grads[name].ravel() for name in grads])
        start, eps = model.params.copy(), 1e-6
        ends = []
        for sign in (1, -1):
            model.params[...] = start + sign * eps * way
            ends.append(float((model(x) * dy).sum()))
        found, expected = flat @ way, (ends[0] - ends[1]) / (2 * eps)
        scale = np.abs(flat * way).sum() + abs(ends[0])
        assert abs(found - expected) < 1e-6 * max(scale, 1e-3), seed


def test_among_the_random_graphs_are_layers_called_again_and_values_read_again():
    again = more = several = 0
    for seed in SEEDS:
        graph = RandomGraph(seed)
        called = [id(layer) for layer, _ in graph.calls]
        read = [number for _, reads in graph.calls for number in reads]
        again += len(set(called)) < len(called)
        more += len(set(read)) < len(read)
        several += len(graph.inputs) > 1
    assert min(again, more, several) >= 40


def test_a_graph_has_the_same_bits_for_any_number_of_threads_and_level():
    level = _core.simd_level()
    try:
        for seed in range(0, 200, 10):
            graph = RandomGraph(seed, "float32")
            x, dy = graph.samples(700), graph.rng.normal(size=(700, 2)).astype("float32")
            expected = None
            for name in ("baseline", "avx2", "avx512"):
                _core.set_simd_level(name)
                for threads in (1, 2, 3):
                    y, dx, grads = passed(graph, x, dy, False, threads)
                    found = [a.tobytes() for a in (y, *dx, *grads.values())]
                    expected = expected or found
                    assert found == expected, (seed, name, threads)
    finally:
        _core.set_simd_level(level)


def trained(model, x, y, threads=None):
    model.compile(fanin.optimizers.Adam(0.01), "mse")
    history = model.fit(x, y, batch_size=16, epochs=3, verbose=0, threads=threads)
    return history.history["loss"], model.params.tobytes(), model.state.tobytes()


def row(width):
    return [
        layers.Dense(width, "relu"),
        layers.BatchNormalization(),
        layers.Dropout(0.3),
        layers.Dense(width, "tanh"),
        layers.Dense(2),
    ]


@pytest.mark.parametrize("width", [8, 40])  # in columns, in rows
def test_a_graph_that_is_a_chain_trains_to_the_bits_of_sequential(width):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(100, 6)), rng.normal(size=(100, 2))
    sequential = fanin.Sequential([fanin.Input((6,)), *row(width)], rng=3)
    value = inputs = fanin.Input((6,))
    for layer in row(width):
        value = layer(value)
    graph = fanin.Model(inputs, value, rng=3)
    assert graph.params.tobytes() == sequential.params.tobytes()
    assert graph.chain
    assert trained(graph, x, y) == trained(sequential, x, y)
    assert graph.predict(x, verbose=0).tobytes() == sequential.predict(x, verbose=0).tobytes()


def residual(rng=0, dtype="float32"):
    """A residual block of a shared layer, with an input beside it."""
    deep, wide = fanin.Input((6,), name="deep", dtype=dtype), fanin.Input((3,), name="wide")
    shared = layers.Dense(8, "relu", name="shared")
    x = layers.Dense(8, "relu", name="first")(deep)
    x = layers.Dropout(0.2, name="drop")(x)
    x = layers.Add(name="sum")([x, shared(x)])
    x = layers.BatchNormalization(name="norm")(layers.Subtract(name="less")([shared(x), x]))
    x = layers.Concatenate(name="joint")([x, wide])
    return fanin.Model([deep, wide], layers.Dense(2, name="out")(x), name="residual", rng=rng)


DATA = np.random.default_rng(1)
X = [DATA.normal(size=(60, 6)), DATA.normal(size=(60, 3))]
Y = DATA.normal(size=(60, 2))


def test_training_has_the_same_bits_for_any_number_of_threads():
    expected = trained(residual(), X, Y, 1)
    for threads in (2, 3):
        assert trained(residual(), X, Y, threads) == expected


def goes_on(model):
    model.fit(X, Y, batch_size=16, epochs=model.epoch + 2, initial_epoch=model.epoch, verbose=0)
    return model.params.tobytes(), model.state.tobytes(), model.predict(X, verbose=0).tobytes()


def reloaded(model, folder):
    model.save(folder / "model.npz")
    return fanin.models.load_model(folder / "model.npz")


TWINS = {
    "pickle": lambda model, folder: pickle.loads(pickle.dumps(model)),
    "deepcopy": lambda model, folder: copy.deepcopy(model),
    "copy": lambda model, folder: copy.copy(model),
    "file": reloaded,
}


@pytest.mark.parametrize("make", TWINS)
def test_a_twin_trains_on_to_the_same_bits(make, tmp_path):
    model = residual()
    trained(model, X, Y)
    twin = TWINS[make](model, tmp_path)
    assert type(twin) is fanin.Model
    assert twin.get_config() == model.get_config()
    assert not np.shares_memory(twin.params, model.params)
    assert goes_on(twin) == goes_on(model)
    assert twin.output.shape == (None, 2)
    assert twin.get_layer("sum").output.shape == (None, 8)


def test_weights_go_through_a_file_and_configurations_make_equal_networks(tmp_path):
    model = residual()
    model.save_weights(tmp_path / "w.npz")
    for twin in (fanin.Model.from_config(model.get_config()), fanin.models.clone_model(model)):
        assert twin.get_config() == model.get_config()
        assert [a.shape for a in twin.weights] == [a.shape for a in model.weights]
        twin.load_weights(tmp_path / "w.npz")
        assert twin.predict(X, verbose=0).tobytes() == model.predict(X, verbose=0).tobytes()
        twin.set_weights([2 * a for a in model.get_weights()])
        assert np.array_equal(twin.params, 2 * model.params)


def test_a_file_of_another_graph_is_refused(tmp_path):
    residual().save(tmp_path / "w.npz")
    inputs = fanin.Input((3,))
    other = fanin.Model(inputs, layers.Dense(2)(inputs))
    with pytest.raises(ValueError, match="of another network"):
        other.load_weights(tmp_path / "w.npz")


def test_fit_many_gives_the_bits_of_fit():
    expected = [trained(residual(seed), X, Y) for seed in range(3)]
    models = [residual(seed) for seed in range(3)]
    for model in models:
        model.compile(fanin.optimizers.Adam(0.01), "mse")
    histories = fanin.fit_many(models, X, Y, batch_size=16, epochs=3, verbose=0)
    found = [
        (history.history["loss"], model.params.tobytes(), model.state.tobytes())
        for history, model in zip(histories, models, strict=True)
    ]
    assert found == expected


def test_dropout_that_is_called_twice_draws_other_masks():
    inputs = fanin.Input((50,))
    drop = layers.Dropout(0.5)
    model = fanin.Model(inputs, layers.Concatenate()([drop(inputs), drop(inputs)]), rng=0)
    y = model(np.ones((20, 50)), training=True)
    left, right = y[:, :50], y[:, 50:]
    assert not np.array_equal(left, right)
    assert 0.1 < ((left > 0) & (right > 0)).mean() < 0.4
    assert np.array_equal(model(np.ones((20, 50))), np.ones((20, 100)))
