"""Networks that share layers: what one trains changes the others; each is used by itself too."""

import copy
import gc
import pickle
import threading

import fanin
import numpy as np
import pytest
from fanin import layers

X = np.random.default_rng(0).normal(size=(48, 4)).astype("float32")
Y = np.stack([X[:, 0] * X[:, 1], X.sum(1), np.sin(X[:, 2])], axis=1).astype("float32")


def base(kind="graph", rng=0, compiled=True):
    row = [
        layers.Dense(6, "tanh", name="h1"),
        layers.BatchNormalization(name="norm"),
        layers.Dense(5, "relu", name="h2"),
        layers.Dense(3, name="low"),
    ]
    if kind == "graph":
        x = inputs = fanin.Input((4,))
        for layer in row:
            x = layer(x)
        model = fanin.Model(inputs, x, name="base", rng=rng)
    else:
        model = fanin.Sequential([fanin.Input((4,)), *row], name="base", rng=rng)
    if compiled:
        model.compile(fanin.optimizers.Adam(0.01), "mse")
        model.fit(X, Y, epochs=2, verbose=0)
    return model


def headed(model, units=2, name="high", rng=1, optimizer=None):
    """Return a network of the features of another and a new output."""
    end = layers.Dense(units, name=name)(model.get_layer("h2").output)
    new = fanin.Model(model.input, end, name=f"with_{name}", rng=rng)
    new.compile(optimizer or fanin.optimizers.Adam(0.01), "mse")
    return new


def by_hand(model, x=X, low="low"):
    """Return what layers compute, from their arrays."""
    h1, norm, h2, last = (model.get_layer(name) for name in ("h1", "norm", "h2", low))
    x = np.tanh(x @ h1.kernel + h1.bias)
    x = (x - norm.moving_mean) / np.sqrt(norm.moving_variance + norm.epsilon)
    x = np.maximum((x * norm.gamma + norm.beta) @ h2.kernel + h2.bias, 0)
    return x @ last.kernel + last.bias


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def decaying(optimizer):
    """Return an optimizer that leaves kernels out of its decay."""
    optimizer.exclude_from_weight_decay(var_names=["kernel"])
    return optimizer


def apart(model, rng=1):
    """Return a network of the same layers with arrays of its own, by its configuration."""
    twin = type(model).from_config(model.get_config(), rng=rng)
    twin.set_weights(model.get_weights())
    return twin


@pytest.mark.parametrize("kind", ["graph", "sequential"])
def test_new_layers_beside_those_of_a_trained_network_share_their_weights(kind):
    old = base(kind)
    before = old.predict(X, verbose=0)
    new = headed(old)
    assert np.array_equal(old.predict(X, verbose=0), before)
    close(new.predict(X, verbose=0), by_hand(new, low="high"))
    for name in ("h1", "norm", "h2"):
        assert new.get_layer(name) is old.get_layer(name)
    weights = [w.copy() for w in old.get_weights()]
    new.fit(X, Y[:, :2], epochs=2, verbose=0)
    moved = [not np.array_equal(a, b) for a, b in zip(weights, old.get_weights(), strict=True)]
    assert moved == [True] * 8 + [False] * 2  # not the output that the new one does not have
    close(old.predict(X, verbose=0), by_hand(old))
    close(new.predict(X, verbose=0), by_hand(new, low="high"))
    head = new.get_layer("high").kernel.copy()
    old.fit(X, Y, verbose=0)
    assert np.array_equal(new.get_layer("high").kernel, head)
    close(new.predict(X, verbose=0), by_hand(new, low="high"))


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: fanin.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
        lambda: fanin.optimizers.Adam(0.01, weight_decay=0.01),
        lambda: fanin.optimizers.Adagrad(0.05),
        lambda: fanin.optimizers.Adam(0.01, global_clipnorm=0.1),
        lambda: fanin.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.5),
        lambda: fanin.optimizers.Muon(0.01),
        lambda: decaying(fanin.optimizers.AdamW(0.05, weight_decay=0.5)),
    ],
)
@pytest.mark.parametrize("frozen", [False, True])
def test_it_trains_as_a_network_of_the_same_layers_of_its_own(optimizer, frozen):
    old = base()
    new = headed(old, optimizer=optimizer())
    twin = apart(new)
    twin.compile(optimizer(), "mse")
    if frozen:
        for model in (new, twin):
            for name in ("h1", "norm", "h2"):
                model.get_layer(name).trainable = False
    before = old.get_weights()
    for model in (new, twin):
        model.fit(X, Y[:, :2], epochs=3, batch_size=13, verbose=0, rng=5)
    for a, b in zip(new.get_weights(), twin.get_weights(), strict=True):
        assert np.array_equal(a, b)
    assert new.evaluate(X, Y[:, :2], verbose=0) == twin.evaluate(X, Y[:, :2], verbose=0)
    for name, slot in new.slots.items():
        assert np.array_equal(slot, twin.slots[name])
    if frozen:
        for a, b in zip(before, old.get_weights(), strict=True):
            assert np.array_equal(a, b)


def test_penalties_and_constraints_are_those_of_a_network_of_its_own():
    old = base()
    demands = {"kernel_regularizer": "l2", "bias_constraint": "non_neg"}
    end = layers.Dense(2, name="high", **demands)(old.get_layer("h2").output)
    new = fanin.Model(old.input, end, rng=1)
    # Another head lies between the features and this one's end.
    last = layers.Dense(2, name="last", kernel_regularizer="l1", kernel_constraint="unit_norm")
    third = fanin.Model(old.input, last(old.get_layer("h2").output), rng=2)
    twins = [apart(model) for model in (new, third)]
    for model, twin in zip((new, third), twins, strict=True):
        assert model.losses == twin.losses != []
        for each in (model, twin):
            each.compile("adam", "mse")
        twin.set_weights(model.get_weights())
        histories = [
            each.fit(X, Y[:, :2], epochs=2, verbose=0, rng=5).history for each in (model, twin)
        ]
        assert histories[0] == histories[1]
        assert all(map(np.array_equal, model.get_weights(), twin.get_weights()))
        assert model.losses == twin.losses


def test_gradients_by_hand_are_those_of_a_network_of_its_own():
    old = base()
    new = headed(old)
    twin = apart(new)
    (y, cache), (z, other) = new.forward(X, training=True), twin.forward(X, training=True)
    assert np.array_equal(y, z)
    (dx, grads), (dz, others) = new.backward(y, cache), twin.backward(z, other)
    assert np.array_equal(dx, dz)
    assert list(grads) == list(others)
    for name, gradient in grads.items():
        assert np.array_equal(gradient, others[name]), name
    for role in ("moving_mean", "moving_variance"):
        assert np.array_equal(
            getattr(old.get_layer("norm"), role), getattr(twin.get_layer("norm"), role)
        )


def test_three_networks_share_a_base_and_two_of_them_a_head():
    old = base()
    one, two = headed(old, 2, "one"), headed(old, 3, "two", rng=2)
    three = fanin.Model(
        old.input,
        layers.Dense(1, name="end")(
            layers.concatenate([one.get_layer("one").output, two.get_layer("two").output])
        ),
        rng=3,
    )
    three.compile("sgd", "mse")
    everyone = [old, one, two, three]
    assert len({m.get_layer("h1").kernel.ctypes.data for m in everyone}) == 1
    for model, y in ((old, Y), (one, Y[:, :2]), (two, Y), (three, Y[:, :1])):
        model.fit(X, y, epochs=2, verbose=0)
        close(old.predict(X, verbose=0), by_hand(old))
        close(one.predict(X, verbose=0), by_hand(one, low="one"))
        close(two.predict(X, verbose=0), by_hand(two, low="two"))
        both = [by_hand(one, low="one"), by_hand(two, low="two")]
        end = three.get_layer("end")
        close(three.predict(X, verbose=0), np.concatenate(both, axis=1) @ end.kernel + end.bias)


def test_two_trained_networks_meet_in_a_new_one():
    first, second = base(rng=0), headed(base(rng=7), name="other")
    inputs = fanin.Input((4,))
    halves = [
        first.get_layer("h1")(inputs),
        second.get_layer("h1")(inputs),
    ]
    first.get_layer("h1").name, second.get_layer("h1").name = "h1_a", "h1_b"
    model = fanin.Model(inputs, layers.Dense(1)(layers.concatenate(halves)), rng=0)
    model.compile("adam", "mse")
    expected = [by.predict(X, verbose=0) for by in (first, second)]
    old = [part.get_layer(n).kernel for part, n in ((first, "h1_a"), (second, "h1_b"))]
    values = [kernel.copy() for kernel in old]
    model.fit(X, Y[:, :1], verbose=0)
    for kernel, value, by, before in zip(old, values, (first, second), expected, strict=True):
        assert not np.array_equal(kernel, value)
        assert not np.array_equal(by.predict(X, verbose=0), before)


def test_the_textbook_way_of_a_sequential_of_all_layers_but_the_last():
    old = base("sequential")
    new = fanin.Sequential(old.layers[:-1], rng=1)
    new.add(layers.Dense(1, name="end"))
    assert not new.built
    new.compile("adam", "mse")
    for layer in new.layers[:-1]:
        layer.trainable = False
    before = old.predict(X, verbose=0)
    new.fit(X, Y[:, :1], verbose=0)
    assert np.array_equal(old.predict(X, verbose=0), before)
    close(new.predict(X, verbose=0), by_hand(new, low="end"))
    for layer in new.layers[:-1]:
        layer.trainable = True
    new.compile("adam", "mse")
    new.fit(X, Y[:, :1], verbose=0)
    assert not np.array_equal(old.predict(X, verbose=0), before)
    close(old.predict(X, verbose=0), by_hand(old))


def test_layers_come_one_by_one_and_go():
    old = base("sequential")
    new = fanin.Sequential([fanin.Input((4,))], rng=1)
    for layer in old.layers[:2]:
        new.add(layer)
    new.add(layers.Dense(5, "relu", name="h2"))
    new.add(layers.Dense(1, name="end"))
    close(new.predict(X, verbose=0), by_hand(new, low="end"))
    close(old.predict(X, verbose=0), by_hand(old))
    last = new.pop()
    assert last.kernel.shape == (5, 1)
    new.add(last)
    close(new.predict(X, verbose=0), by_hand(new, low="end"))
    old.pop()
    old.add(layers.Dense(2, name="low"))
    close(old.predict(X, verbose=0), by_hand(old))
    close(new.predict(X, verbose=0), by_hand(new, low="end"))


def test_parts_of_an_autoencoder_after_training():
    inputs = fanin.Input((4,))
    code = layers.Dense(3, "tanh", name="encode")(inputs)
    whole = fanin.Model(inputs, layers.Dense(4, name="decode")(code), rng=0)
    whole.compile("adam", "mse")
    whole.fit(X, X, verbose=0)
    encoder = fanin.Model(inputs, code)
    begin = fanin.Input((3,))
    decoder = fanin.Model(begin, whole.layers[-1](begin))
    halves = decoder.predict(encoder.predict(X, verbose=0), verbose=0)
    close(halves, whole.predict(X, verbose=0))
    # A classifier on the codes, beside the decoder: the encoder's arrays stay in one place.
    classes = fanin.Model(encoder.input, layers.Dense(2, "softmax")(encoder.output), rng=2)
    classes.compile("adam", "sparse_categorical_crossentropy")
    classes.fit(X, (X[:, 0] > 0).astype(int), epochs=2, verbose=0)
    halves = decoder.predict(encoder.predict(X, verbose=0), verbose=0)
    close(halves, whole.predict(X, verbose=0))
    whole.fit(X, X, verbose=0)
    halves = decoder.predict(encoder.predict(X, verbose=0), verbose=0)
    close(halves, whole.predict(X, verbose=0))


def test_two_players_train_in_turns():
    rng = np.random.default_rng(0)
    z = fanin.Input((2,))
    generator = fanin.Model(z, layers.Dense(4)(layers.Dense(8, "relu")(z)), rng=0)
    x = fanin.Input((4,))
    judge = fanin.Model(x, layers.Dense(1, "sigmoid")(layers.Dense(8, "relu")(x)), rng=1)
    both = fanin.Model(z, judge(generator(z)), rng=2)
    for _ in range(3):
        noise = rng.normal(size=(48, 2)).astype("float32")
        fake = generator.predict(noise, verbose=0)
        judge.trainable = True
        judge.compile("adam", "bce")
        own = generator.get_weights()
        judge.fit(np.concatenate([X, fake]), np.repeat([1.0, 0.0], 48), verbose=0)
        for a, b in zip(own, generator.get_weights(), strict=True):
            assert np.array_equal(a, b)
        judge.trainable = False
        both.compile("adam", "bce")
        held = judge.get_weights()
        both.fit(noise, np.ones(48), verbose=0)
        for a, b in zip(held, judge.get_weights(), strict=True):
            assert np.array_equal(a, b)
        assert not np.array_equal(own[0], generator.get_weights()[0])
        close(
            both.predict(noise, verbose=0),
            judge.predict(generator.predict(noise, verbose=0), verbose=0),
        )


def test_the_parameters_of_a_network_with_others_between_are_a_copy_that_is_read_only():
    old = base()
    new = headed(old)
    count = sum(w.size for w in new.trainable_weights)
    assert new.params.size == count
    assert new.state.size == 12
    assert new.count_params() == count + 12
    assert np.array_equal(new.params[:24].reshape(4, 6), new.get_layer("h1").kernel)
    with pytest.raises(ValueError, match="read-only"):
        new.params[:] = 0
    assert old.params.flags.writeable
    lines = []
    new.summary(print_fn=lines.append)
    assert f"Total params: {count + 12}" in "\n".join(lines)


@pytest.mark.parametrize("way", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copy_of_one_stands_by_itself_and_trains_on_alike(way):
    old = base()
    new = headed(old)
    new.fit(X, Y[:, :2], verbose=0)
    twin = way(new)
    assert not any(np.shares_memory(a, b) for a, b in zip(new.weights, twin.weights, strict=True))
    assert np.array_equal(twin.params, new.params)
    assert twin.params.flags.writeable
    other = way(old)
    for model in (new, twin):
        model.fit(X, Y[:, :2], epochs=2, verbose=0, rng=3)
    assert np.array_equal(twin.params, new.params)
    assert np.array_equal(twin.slots["m"], new.slots["m"])
    assert not np.array_equal(old.params, other.params)


def test_copies_of_several_together_share_as_they_did():
    old = base()
    new = headed(old)
    new.fit(X, Y[:, :2], verbose=0)
    for order in ((old, new), (new, old)):
        twins = dict(zip(map(id, order), copy.deepcopy(list(order)), strict=True))
        a, b = twins[id(old)], twins[id(new)]
        assert a.get_layer("h1") is b.get_layer("h1")
        assert not np.shares_memory(a.get_layer("h1").kernel, old.get_layer("h1").kernel)
        assert np.array_equal(b.slots["m"], new.slots["m"])
        b.fit(X, Y[:, :2], epochs=2, verbose=0, rng=3)
        close(a.predict(X, verbose=0), by_hand(a))
    fresh = copy.deepcopy(new)
    fresh.fit(X, Y[:, :2], epochs=2, verbose=0, rng=3)
    assert np.array_equal(fresh.params, b.params)


def test_files_keep_each_by_itself(tmp_path):
    old = base()
    new = headed(old)
    new.fit(X, Y[:, :2], verbose=0)
    new.save(tmp_path / "new.npz")
    old.save(tmp_path / "old.npz")
    again = fanin.models.load_model(tmp_path / "new.npz")
    assert np.array_equal(again.predict(X, verbose=0), new.predict(X, verbose=0))
    assert np.array_equal(again.slots["m"], new.slots["m"])
    other = fanin.models.load_model(tmp_path / "old.npz")
    assert np.array_equal(other.predict(X, verbose=0), old.predict(X, verbose=0))
    for model in (new, again):
        model.fit(X, Y[:, :2], epochs=2, verbose=0, rng=3)
    assert np.array_equal(again.params, new.params)
    new.load_weights(tmp_path / "new.npz")
    assert np.array_equal(old.get_layer("h1").kernel, new.get_layer("h1").kernel)
    close(old.predict(X, verbose=0), by_hand(old))


def test_what_is_shared_outlives_the_networks_it_came_from():
    old = base()
    new = headed(old)
    expected = new.predict(X, verbose=0)
    del old
    gc.collect()
    assert np.array_equal(new.predict(X, verbose=0), expected)
    new.fit(X, Y[:, :2], verbose=0)
    third = headed(new, name="third")
    kernel = new.get_layer("h1").kernel
    assert kernel.ctypes.data == third.get_layer("h1").kernel.ctypes.data
    before = kernel.copy()
    third.fit(X, Y[:, :2], verbose=0)
    assert not np.array_equal(new.get_layer("h1").kernel, before)
    close(new.predict(X, verbose=0), by_hand(new, low="high"))


def test_numbers_of_others_are_none_of_its_own():
    """Infinite numbers of a layer between its own say nothing of it."""
    old = base()
    new = headed(old)
    with pytest.warns(UserWarning, match="NaN"):
        old.get_layer("low").set_weights([np.full((5, 3), np.nan), np.zeros(3)])
    new.fit(X, Y[:, :2], verbose=0)
    new.compile(fanin.optimizers.SGD(1e37), "mse")
    with pytest.raises(FloatingPointError, match=r"(h1|h2|high|norm)/"):
        new.fit(X, 1e3 * Y[:, :2], batch_size=48, verbose=0)


# Refusals, threads, callbacks.


def test_networks_that_share_layers_are_not_fitted_side_by_side():
    old = base()
    new = headed(old, units=3)
    with pytest.raises(ValueError, match=r"models\[1\].*shares some with models\[0\]"):
        fanin.fit_many([old, new], X, Y, verbose=0)
    shared = layers.Dense(3)
    pair = [fanin.Sequential([shared, layers.Dense(3)], rng=k) for k in range(2)]
    for model in pair:
        model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"models\[1\].*shares some with models\[0\]"):
        fanin.fit_many(pair, X, Y, verbose=0)


def test_layers_of_another_dtype_are_refused_and_nothing_changes():
    inputs = fanin.Input((4,))
    wide = fanin.Model(inputs, layers.Dense(3, dtype="float64", name="wide")(inputs), rng=0)
    plain = base()
    joined = layers.concatenate([wide.output, plain.get_layer("h1")(wide.input)])
    before = plain.params
    with pytest.raises(ValueError, match="dtype: expected one dtype"):
        fanin.Model(wide.input, layers.Dense(1)(joined))
    assert plain.params is before


def test_arrays_do_not_move_while_this_thread_trains_them():
    old, seen = base(), []

    class Makes(fanin.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            part = fanin.Model(old.input, old.get_layer("h2").output)
            seen.append(part.predict(X, verbose=0).shape)
            with pytest.raises(RuntimeError, match="this thread trains"):
                headed(old)

    old.fit(X, Y, verbose=0, callbacks=[Makes()])
    assert seen == [(48, 5)]
    close(old.predict(X, verbose=0), by_hand(old))


def test_a_fit_that_is_refused_at_its_beginning_leaves_all_as_it_was():
    old = base("sequential")
    new = fanin.Sequential(old.layers[:-1], rng=1)
    new.add(layers.Dense(1, name="end"))
    new.compile("adam", "mse")
    kernel, params = old.layers[0].kernel, old.params

    class Fails(fanin.callbacks.Callback):
        def on_train_begin(self, logs=None):
            raise KeyError("no")

    with pytest.raises(KeyError):
        new.fit(X, Y[:, :1], verbose=0, callbacks=[Fails()])
    assert not new.built
    assert old.params is params
    assert old.layers[0].kernel is kernel
    old.fit(X, Y, verbose=0)
    new.fit(X, Y[:, :1], verbose=0)
    close(old.predict(X, verbose=0), by_hand(old))
    close(new.predict(X, verbose=0), by_hand(new, low="end"))


@pytest.mark.parametrize("gap", [True, False])
def test_another_thread_cannot_train_what_shares_layers(gap):
    old = base()
    other = headed(old) if gap else fanin.Model(old.input, old.get_layer("h2").output)
    if not gap:
        other.compile("sgd", "mse")
    outcomes, y = [], Y[:, :2] if gap else np.zeros((48, 5), "float32")

    def fit_other():
        try:
            other.fit(X, y, verbose=0)
        except RuntimeError as error:
            outcomes.append(str(error))
        outcomes.append(other.predict(X, verbose=0).shape)

    class Waits(fanin.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            thread = threading.Thread(target=fit_other)
            thread.start()
            thread.join()

    old.fit(X, Y, verbose=0, callbacks=[Waits()])
    assert "another thread trains" in outcomes[0]
    assert outcomes[1] == (48, 2 if gap else 5)
    other.fit(X, y, verbose=0)
    close(old.predict(X, verbose=0), by_hand(old))


def test_dropout_that_is_shared_keeps_its_masks():
    inputs = fanin.Input((4,))
    x = layers.Dropout(0.5, name="drop")(layers.Dense(6, name="h1")(inputs))
    old = fanin.Model(inputs, layers.Dense(3, name="low")(x), rng=0)
    twin = copy.deepcopy(old)
    fanin.Model(inputs, layers.Dense(2)(x), rng=9)
    for model in (old, twin):
        model.compile("sgd", "mse")
        model.fit(X, Y, verbose=0, rng=1)
    assert np.array_equal(old.params, twin.params)


def test_a_class_of_ones_own_holds_layers_of_a_trained_network():
    old = base()

    class Own(fanin.Model):
        def __init__(self):
            super().__init__(rng=0)
            self.first, self.norm = old.get_layer("h1"), old.get_layer("norm")
            self.end = layers.Dense(2)

        def call(self, x):
            return self.end(self.norm(self.first(x)))

    model = Own()
    model.compile("adam", "mse")
    before = old.get_layer("h1").kernel.copy()
    model.fit(X, Y[:, :2], verbose=0)
    assert not np.array_equal(old.get_layer("h1").kernel, before)
    close(old.predict(X, verbose=0), by_hand(old))
    twin = copy.deepcopy(model)
    assert np.array_equal(twin.predict(X, verbose=0), model.predict(X, verbose=0))


def test_a_layer_of_ones_own_with_layers_within_is_shared_too():
    class Block(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.inner = layers.Dense(4, name="inner")

        def build(self, input_shape):
            self.scale = self.add_weight(shape=(4,), initializer="ones", name="scale")

        def call(self, x):
            return x + self.scale * self.inner(x)

    def make():
        inputs = fanin.Input((4,))
        x = Block(name="block")(layers.Dense(4, name="h1")(inputs))
        model = fanin.Model(inputs, layers.Dense(3, name="low")(x), name="base", rng=0)
        new = fanin.Model(inputs, layers.Dense(2, name="high")(x), name="new", rng=1)
        for each in (model, new):
            each.compile("adam", "mse")
        return model, new

    old, new = make()
    block = old.get_layer("block")
    before = block.inner.kernel.copy()
    del make
    new.fit(X, Y[:, :2], verbose=0)
    assert not np.array_equal(block.inner.kernel, before)

    def expected(model, last):
        h1, end = model.get_layer("h1"), model.get_layer(last)
        x = X @ h1.kernel + h1.bias
        x = x + block.scale.numpy() * (x @ block.inner.kernel + block.inner.bias)
        return x @ end.kernel + end.bias

    close(old.predict(X, verbose=0), expected(old, "low"))
    close(new.predict(X, verbose=0), expected(new, "high"))
    old.fit(X, Y, verbose=0)
    close(new.predict(X, verbose=0), expected(new, "high"))
    del old
    gc.collect()
    block.inner.trainable = False  # traced again
    new.fit(X, Y[:, :2], verbose=0)
    close(new.predict(X, verbose=0), expected(new, "high"))


def test_steps_in_python_and_diagnoses_of_what_has_others_between():
    old = base()
    new = headed(old)
    twin = apart(new)

    class Own(fanin.losses.Loss):
        def value_and_gradient(self, y_true, y_pred, sample_weight=None, *, threads=None):
            own = fanin.losses.MeanSquaredError()
            return own.value_and_gradient(y_true, y_pred, sample_weight)

    for model in (new, twin):
        model.compile("adam", Own())
        model.fit(X, Y[:, :2], epochs=2, verbose=0, rng=2)
    for a, b in zip(new.get_weights(), twin.get_weights(), strict=True):
        assert np.array_equal(a, b)
    for model in (new, twin):
        model.compile(fanin.optimizers.SGD(0.01), "mse")
    one, other = (fanin.diagnose(model, X, Y[:, :2]) for model in (new, twin))
    assert [la.name for la in one.layers] == [la.name for la in other.layers]
    assert str(one).replace(new.name, twin.name) == str(other)
    monitor = fanin.callbacks.SignalMonitor(X, every=1)
    new.fit(X, Y[:, :2], verbose=0, callbacks=[monitor])
    fanin.normalization.recalibrate(new, X)
    close(old.predict(X, verbose=0), by_hand(old))
