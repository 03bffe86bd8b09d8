"""Sequential without training: building, arrays, weights, files, copies, summary, refusals."""

import copy
import os
import pickle
import subprocess
import sys

import fanin
import numpy as np
import pytest
from fanin import _core, layers, models
from fanin.errors import ShapeError


def network(rng=0, **kwargs):
    return fanin.Sequential(
        [
            layers.Flatten(input_shape=(2, 3)),
            layers.Dense(4, kernel_initializer="he_normal"),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.Dense(2, activation="softmax"),
        ],
        rng=rng,
        **kwargs,
    )


X = np.random.default_rng(0).normal(size=(7, 2, 3)).astype("float32")


def test_layers_are_views_of_two_arrays():
    model = network()
    assert model.params.size == 6 * 4 + 4 + 4 + 4 + 4 * 2 + 2
    assert model.state.size == 8
    for layer in model.layers:
        for role, array in layer.arrays.items():
            assert np.shares_memory(array, model.state if "moving" in role else model.params)
    model.layers[1].kernel[...] = 7
    assert (model.params[:24] == 7).all()
    model.params[:24] = 0
    assert (model.layers[1].kernel == 0).all()
    assert model.count_params() == model.params.size + model.state.size


@pytest.mark.parametrize(
    "make",
    [
        lambda d: fanin.Sequential([layers.Input(shape=(6,)), d]),
        lambda d: fanin.Sequential([layers.Input((6,)), d]),
        lambda d: fanin.Sequential([layers.InputLayer(input_shape=(6,)), d]),
    ],
)
def test_the_input_is_not_among_the_layers(make):
    dense = layers.Dense(2)
    model = make(dense)
    assert model.layers == [dense]
    assert model.built
    assert dense.kernel.shape == (6, 2)


@pytest.mark.parametrize(
    "kwargs", [{"input_shape": (6,)}, {"input_dim": 6}, {"batch_input_shape": (None, 6)}]
)
def test_the_first_layer_may_say_the_shape(kwargs):
    model = models.Sequential()
    model.add(layers.Dense(3, **kwargs))
    model.add(layers.Dense(1))
    assert model.input_shape == (None, 6)
    assert model.output_shape == (None, 1)
    assert [layer.output_shape for layer in model.layers] == [(None, 3), (None, 1)]


def test_adding_one_by_one_is_the_same_as_a_list():
    one_by_one = fanin.Sequential(rng=0)
    for layer in network().get_config()["layers"]:
        one_by_one.add(layers.deserialize(layer))
    assert np.array_equal(one_by_one.params, network().params)


def test_unbuilt_until_the_shape_is_known():
    model = fanin.Sequential([layers.Dense(2)], rng=0)
    assert not model.built
    for use in (lambda: model.params, model.get_weights, lambda: model.set_weights([])):
        with pytest.raises(ValueError, match="not built"):
            use()
    with pytest.raises(AttributeError, match="input_shape"):
        _ = model.output_shape
    assert model(np.ones((5, 3))).shape == (5, 2)
    assert model.built
    model.build((None, 3))  # again: nothing happens
    with pytest.raises(
        ShapeError, match=r"input_shape: expected samples of shape \(3,\).*found \(4,\)"
    ):
        model.build((None, 4))


def test_rng_decides_the_weights():
    assert np.array_equal(network(0).params, network(0).params)
    assert not np.array_equal(network(0).params, network(1).params)
    fanin.utils.set_random_seed(3)
    first = network(None).params.copy()
    fanin.utils.set_random_seed(3)
    assert np.array_equal(first, network(None).params)
    with pytest.raises((TypeError, ValueError), match="whole number"):
        fanin.Sequential(rng=-1)


def test_one_initializer_object_gives_layers_their_own_numbers():
    he = fanin.initializers.HeNormal(seed=1)
    dense = [layers.Dense(3, kernel_initializer=he, input_dim=3) for _ in range(2)]
    fanin.Sequential(dense)
    assert not np.array_equal(dense[0].kernel, dense[1].kernel)


def test_a_layer_built_before_keeps_its_values():
    dense = layers.Dense(2)
    dense.build((None, 3), rng=5)
    values = dense.kernel.copy()
    model = fanin.Sequential([layers.Dense(3, input_dim=4), dense])
    assert np.array_equal(dense.kernel, values)
    assert np.shares_memory(dense.kernel, model.params)


def test_a_layer_of_two_networks_has_one_set_of_arrays():
    model = network()
    part = fanin.Sequential([model.layers[0], model.layers[1]])
    part.build(model.input_shape)
    assert np.shares_memory(part.params, model.params)
    twin = fanin.Sequential([copy.deepcopy(layer) for layer in model.layers])
    assert np.array_equal(twin.params, model.params)
    shared = layers.Dense(2)
    first, second = fanin.Sequential([shared]), fanin.Sequential([shared])
    first.build((None, 3))
    second.build((None, 3))
    assert np.shares_memory(first.params, second.params)
    assert np.array_equal(first.params, second.params)


def test_pop_and_add_keep_the_other_weights():
    model = network()
    kernel = model.layers[1].kernel.copy()
    popped = model.pop()
    assert popped.kernel.shape == (4, 2)
    assert popped.owner is None
    assert np.array_equal(model.layers[1].kernel, kernel)
    assert model.output_shape == (None, 4)
    model.add(layers.Dense(5))
    assert np.array_equal(model.layers[1].kernel, kernel)
    assert model.output_shape == (None, 5)
    with pytest.raises(ValueError, match="pop: expected a network with layers"):
        fanin.Sequential().pop()


def test_a_layer_that_does_not_fit_changes_nothing():
    model = network()
    before, weights = model.layers, model.get_weights()
    with pytest.raises(ShapeError, match=r"axis: .* the last"):
        model.add(layers.BatchNormalization(axis=3))
    with pytest.raises(ValueError, match="is taken"):
        model.add(layers.Dense(2, name=before[1].name))
    with pytest.raises(TypeError, match="layer: expected a layer, found 'dense'"):
        model.add("dense")
    with pytest.raises(TypeError, match="one by one"):
        model.add(network())
    with pytest.raises(ValueError, match="come first"):
        model.add(layers.Input(shape=(3,)))
    assert model.layers == before
    assert model.predict(X, verbose=0).shape == (7, 2)
    for now, then in zip(model.get_weights(), weights, strict=True):
        assert np.array_equal(now, then)


def test_dtypes():
    model = fanin.Sequential([layers.Dense(2, dtype="float64"), layers.Dense(1)], rng=0)
    assert model(X.reshape(7, 6)).dtype == np.float64
    assert model.layers[1].dtype == "float64"
    assert (
        fanin.Sequential([layers.Input((6,), dtype="float64"), layers.Dense(1)]).dtype == "float64"
    )
    mixed = fanin.Sequential([layers.Dense(2, dtype="float64"), layers.Dense(1, dtype="float32")])
    with pytest.raises(ValueError, match="one dtype"):
        mixed(X)


def test_weights_in_the_order_of_keras():
    model = network()
    shapes = [w.shape for w in model.get_weights()]
    assert shapes == [(6, 4), (4,), (4,), (4,), (4,), (4,), (4, 2), (2,)]
    assert len(model.trainable_weights) == 6
    assert len(model.non_trainable_weights) == 2
    model.trainable = False
    assert model.trainable_weights == []
    assert not model.trainable


def test_set_weights_is_all_or_nothing():
    model = network()
    before = model.get_weights()
    wrong = [np.zeros_like(w) for w in before]
    wrong[-1] = np.zeros(3)
    with pytest.raises(ShapeError, match=r"bias: expected shape \(2,\), found \(3,\)"):
        model.set_weights(wrong)
    with pytest.raises(ValueError, match="expected 8 arrays"):
        model.set_weights(wrong[:-1])
    for now, then in zip(model.get_weights(), before, strict=True):
        assert np.array_equal(now, then)
    model.set_weights([np.ones_like(w) for w in before])
    assert (model.params == 1).all()
    assert (model.state == 1).all()


def test_forward_and_backward():
    """The network's gradients are those of its layers, one after the other."""
    model = network()
    y, cache = model.forward(X, training=True)
    assert np.array_equal(model(X, training=False), model.predict(X, verbose=0))
    dy = np.random.default_rng(1).normal(size=y.shape).astype("float32")
    dx, grads = model.backward(dy, cache)
    assert dx.shape == X.shape
    assert {name.split("/")[1] for name in grads} == {"kernel", "bias", "gamma", "beta"}
    caches, values = [], X
    for layer in model.layers:
        values, cache = layer.forward(values, training=True)
        caches.append(cache)
    np.testing.assert_allclose(values, y, rtol=1e-5)
    for layer, cache in reversed(list(zip(model.layers, caches, strict=True))):
        dy, own = layer.backward(dy, cache)
        for role, gradient in own.items():
            np.testing.assert_allclose(
                gradient, grads[f"{layer.name}/{role}"], rtol=1e-4, atol=1e-5
            )
    np.testing.assert_allclose(dy, dx, rtol=1e-4, atol=1e-5)


def test_config_round_trip():
    model = network(name="mine")
    model.add(layers.LeakyReLU(0.2))
    again = fanin.Sequential.from_config(model.get_config())
    assert again.get_config() == model.get_config()
    assert again.name == "mine"
    again.set_weights(model.get_weights())
    assert np.array_equal(again(X), model(X))


@pytest.mark.parametrize(
    "twin", [copy.deepcopy, copy.copy, lambda m: pickle.loads(pickle.dumps(m))]
)
def test_copies_stand_by_themselves(twin):
    model = network()
    again = twin(model)
    assert np.array_equal(again(X), model(X))
    model.params[...] = 0
    assert again.params.any()
    for layer in again.layers:
        for role, array in layer.arrays.items():
            assert np.shares_memory(array, again.state if "moving" in role else again.params)


def test_files(tmp_path):
    model, other = network(0), network(1)
    path = tmp_path / "model.weights.npz"
    model.save_weights(path)
    other.load_weights(path)
    assert np.array_equal(other.params, model.params)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]  # nothing temporary stays
    with pytest.raises(FileExistsError, match="overwrite"):
        model.save_weights(path, overwrite=False)
    whole = tmp_path / "model.npz"
    model.save(whole)
    again = models.load_model(whole)
    assert np.array_equal(again(X), model(X))
    other.load_weights(whole)
    with pytest.raises(ValueError, match="weights only"):
        models.load_model(path)


def test_files_that_do_not_fit_change_nothing(tmp_path):
    model = network(0)
    before = model.params.copy()
    path = tmp_path / "other.npz"
    fanin.Sequential([layers.Dense(2, input_dim=3)]).save_weights(path)
    with pytest.raises(ValueError, match="another network"):
        model.load_weights(path)
    wide = fanin.Sequential.from_config(network().get_config())
    wide.pop()
    wide.add(layers.Dense(3))
    wide.save_weights(path)
    with pytest.raises(ShapeError, match="2/kernel has shape"):
        model.load_weights(path)
    whole = path.read_bytes()
    for broken in (b"", b"not a zip", whole[: len(whole) // 2], whole[:-30]):
        path.write_bytes(broken)
        with pytest.raises(
            ValueError, match=r"other\.npz: expected weights that fanin saved, found "
        ):
            model.load_weights(path)
    with pytest.raises(FileNotFoundError):
        model.load_weights(tmp_path / "none.npz")
    assert np.array_equal(model.params, before)


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    model = network()
    path = tmp_path / "weights.npz"
    model.save_weights(path)
    old = path.read_bytes()

    def fail(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    model.params[...] = 0
    with pytest.raises(OSError, match="disk full"):
        model.save_weights(path)
    assert path.read_bytes() == old
    assert len(list(tmp_path.iterdir())) == 1


def test_summary_counts(capsys):
    model = network(name="mine")
    assert model.summary() is None
    text = capsys.readouterr().out
    assert 'Model: "mine"' in text
    for line in ("Total params: 54", "Trainable params: 46", "Non-trainable params: 8"):
        assert line in text
    assert "(None, 4)" in text
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text
    lines = []
    model.summary(print_fn=lines.append, show_trainable=True)
    assert "Trainable" in "\n".join(lines)
    fanin.Sequential([layers.Dense(2)]).summary()
    assert "0 (unbuilt)" in capsys.readouterr().out


def test_names_and_getting_layers():
    model = network(name="mine")
    assert "mine" in repr(model)
    assert model.get_layer(index=1) is model.layers[1]
    assert model.get_layer(model.layers[1].name) is model.layers[1]
    with pytest.raises(ValueError, match="unknown layer"):
        model.get_layer("nothing")


def test_empty_network():
    model = fanin.Sequential()
    with pytest.raises(ValueError, match=r"no layers|input_shape must be given"):
        model(X)


def test_absurd_sizes():
    with pytest.raises((MemoryError, ShapeError)):
        fanin.Sequential([layers.Dense(2**40, input_dim=2**40)])


def test_names_start_again():
    """What scripts call between two models; ``keras.backend`` is found too."""
    fanin.keras.backend.clear_session()
    assert [layers.Dense(1).name for _ in range(2)] == ["dense", "dense_1"]


def test_import_is_light():
    """Nothing heavy is imported before it is needed."""
    heavy = ["rich", "matplotlib", "pooch", "numpy.random", "fanin.datasets"]
    # Of Python's own; those that this NumPy imports do not count.
    heavy += ["hashlib", "random", "secrets", "json", "difflib", "threading", "tempfile"]
    code = (
        "import sys, numpy; before = set(sys.modules); import fanin; "
        f"print([m for m in {heavy} if m in set(sys.modules) - before])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_public_names_exist():
    for name in fanin.__all__:
        if name != "compare":
            assert getattr(fanin, name) is not None
    assert fanin.keras.layers.Dense is layers.Dense
    assert set(fanin.__all__) <= set(dir(fanin))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = fanin.nothing


def test_a_layer_and_its_model_own_networks_of_the_same_arrays():
    model = fanin.Sequential([layers.Dense(3, input_dim=2), layers.BatchNormalization()], rng=0)
    for layer in model.layers:
        assert np.shares_memory(layer.network.params, model.network.params)
    assert np.shares_memory(model.layers[1].network.state, model.network.state)
    assert sum(layer.network.size for layer in model.layers) == model.network.size
    x = np.ones((4, 2), "float32")
    hidden = _core.predict(model.layers[0].network, x, 4)  # the core takes either
    assert np.array_equal(_core.predict(model.layers[1].network, hidden, 4), model(x))
    assert np.array_equal(_core.predict(model.network, x, 4), model(x))


@pytest.mark.parametrize("alone", [True, False])
def test_another_option_is_another_network_of_the_same_arrays(alone):
    layer = layers.BatchNormalization()
    owner = layer if alone else fanin.Sequential([layer])
    owner.build((None, 3))
    before = owner.network
    assert owner.network is before
    layer.trainable = False
    frozen = owner.network
    assert frozen is not before
    assert frozen.plan is not before.plan
    assert frozen.params is before.params
    assert frozen.state is before.state
