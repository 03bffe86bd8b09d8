"""`add_loss` in calls of users': in the loss and its gradients, in files, copies and summaries."""

import copy
import pickle

import fanin
import numpy as np
import pytest
from fanin import ops
from fanin.layers import Dense, Input, Layer

X = np.random.default_rng(0).random((50, 6))


@fanin.saving.register_keras_serializable()
class Divergence(Layer):
    """Hands on the means of a normal law, and adds its divergence from the standard one."""

    def __init__(self, factor=1.0, how="mean", **kwargs):
        super().__init__(**kwargs)
        self.factor, self.how = factor, how

    def call(self, inputs):
        mean, log_variance = inputs
        rows = ops.sum(1 + log_variance - ops.square(mean) - ops.exp(log_variance), axis=1)
        whole = ops.mean(rows) if self.how == "mean" else ops.sum(rows)
        self.add_loss(-0.5 * self.factor * whole)
        return mean

    def get_config(self):
        return {**super().get_config(), "factor": self.factor, "how": self.how}


@fanin.saving.register_keras_serializable()
class Vae(fanin.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.hidden, self.mean, self.spread = Dense(8, "tanh"), Dense(2), Dense(2)
        self.back, self.out = Dense(8, "tanh"), Dense(6, "sigmoid")

    def call(self, x):
        h = self.hidden(x)
        mean, spread = self.mean(h), self.spread(h)
        self.add_loss(-0.5 * ops.mean(1 + spread - ops.square(mean) - ops.exp(spread)))
        return self.out(self.back(mean))

    def get_config(self):
        return {"name": self.name}


def functional(factor=1.0, how="mean", dtype="float64"):
    x = Input((6,), dtype=dtype)
    h = Dense(8, "tanh")(x)
    z = Divergence(factor, how, name="divergence")([Dense(2)(h), Dense(2)(h)])
    model = fanin.Model(x, Dense(6, "sigmoid")(z), rng=0)
    model.compile(fanin.optimizers.SGD(0.5), "binary_crossentropy")
    return model


def vae():
    model = Vae(rng=0)
    model.compile(fanin.optimizers.SGD(0.5), "binary_crossentropy")
    model.build((None, 6))
    return model


def by_hand(model, x):
    """The divergence in NumPy, of the layers that make its two parts."""
    kinds = [layer for layer in model.layers if isinstance(layer, Dense)]
    h = np.tanh(x @ kinds[0].kernel + kinds[0].bias)
    mean, spread = (h @ layer.kernel + layer.bias for layer in kinds[1:3])
    return 1 + spread - mean**2 - np.exp(spread)


def plain(model, x):
    return fanin.losses.BinaryCrossentropy()(x, model.predict(x, verbose=0))


@pytest.mark.parametrize("batch", [50, 7])
def test_a_mean_is_part_of_the_loss(batch):
    model = functional(2.0)
    found = model.evaluate(X, X, batch_size=batch, verbose=0)
    extra = -0.5 * 2.0 * by_hand(model, X).sum(axis=1).mean()
    np.testing.assert_allclose(found, plain(model, X) + extra, rtol=1e-9)


def test_a_sum_is_that_of_each_batch():
    model = functional(0.1, "sum")
    found = model.evaluate(X, X, batch_size=20, verbose=0)
    rows = -0.05 * by_hand(model, X).sum(axis=1)
    sums = [rows[start : start + 20].sum() for start in (0, 20, 40)]
    extra = np.average(sums, weights=[20, 20, 10])
    np.testing.assert_allclose(found, plain(model, X) + extra, rtol=1e-9)
    history = model.fit(X, X, batch_size=50, epochs=1, verbose=0)
    np.testing.assert_allclose(history.history["loss"][0], plain_before(0.1), rtol=1e-9)


def plain_before(factor):
    model = functional(factor, "sum")
    return plain(model, X) - 0.5 * factor * by_hand(model, X).sum()


@pytest.mark.parametrize("how", ["mean", "sum"])
def test_training_follows_the_gradient_of_all(how):
    """A step of gradient descent, against differences of the loss, to 1e-6."""
    rate, factor = 0.5, 1.0 if how == "mean" else 0.02
    model = functional(factor, how)
    params = model.params.copy()
    numbers = []
    for place in range(params.size):
        values = []
        for step in (1e-6, -1e-6):
            model.params[...] = params
            model.params[place] += step
            values.append(model.evaluate(X, X, batch_size=50, verbose=0))
        numbers.append((values[0] - values[1]) / 2e-6)
    model.params[...] = params
    model.fit(X, X, batch_size=50, epochs=1, verbose=0)
    taken = (params - model.params) / rate
    np.testing.assert_allclose(taken, numbers, atol=1e-6 * max(1.0, np.abs(numbers).max()))


def test_a_model_adds_to_its_loss():
    model = vae()
    found = model.evaluate(X, X, verbose=0)
    extra = -0.5 * by_hand(model, X.astype("float32")).mean()
    np.testing.assert_allclose(found, plain(model, X) + extra, rtol=1e-5)
    history = model.fit(X, X, epochs=5, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]


def test_passes_by_hand_do_not_know_of_it():
    """`backward` gives the gradient of the outputs alone; the loss has the rest."""
    with_loss, without = functional(3.0), functional(0.0)
    dy = np.random.default_rng(1).normal(size=X.shape)
    found = []
    for model in (with_loss, without):
        _, cache = model.forward(X, training=True)
        found.append(model.backward(dy, cache))
    (dx, grads), (other_dx, others) = found
    np.testing.assert_array_equal(dx, other_dx)
    for one, other in zip(grads.values(), others.values(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_any_number_of_threads_gives_the_same_bits():
    runs = []
    for threads in (1, 2):
        model = functional()
        model.fit(X, X, batch_size=16, epochs=3, verbose=0, threads=threads, rng=0)
        runs.append(model.params.copy())
    np.testing.assert_array_equal(*runs)


@pytest.mark.parametrize("make", [functional, vae])
def test_copies_and_files_have_it(make, tmp_path):
    model = make()
    model.fit(X, X, epochs=2, verbose=0, rng=0)
    value = model.evaluate(X, X, verbose=0)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert other.evaluate(X, X, verbose=0) == value
    model.save(tmp_path / "model.npz")
    other = fanin.models.load_model(tmp_path / "model.npz")
    assert other.evaluate(X, X, verbose=0) == value
    twin = fanin.models.clone_model(model)
    twin.set_weights(model.get_weights())
    twin.compile("sgd", "binary_crossentropy")
    assert twin.evaluate(X, X, verbose=0) == value


@pytest.mark.parametrize("make", [functional, vae])
def test_summaries_and_pictures_show_layers_alone(make, tmp_path):
    lines: list[str] = []
    make().summary(print_fn=lines.append)
    assert "cost" not in "\n".join(lines).lower()
    fanin.utils.plot_model(make(), tmp_path / "model.svg", show_shapes=True)


def test_a_model_within_another_keeps_it():
    inner = vae()
    x = Input((6,))
    outer = fanin.Model(x, inner(x))
    outer.compile("sgd", "binary_crossentropy")
    assert outer.evaluate(X, X, verbose=0) == inner.evaluate(X, X, verbose=0)


class Several(Layer):
    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1],), initializer="ones")

    def call(self, x, training=False):
        self.add_loss([ops.mean(x, axis=0), 0.5 * ops.sum(ops.square(self.w))])
        if training:
            self.add_loss(0.25 + ops.mean(x) / 2 - ops.mean(ops.abs(x)))
        return x * self.w


def test_losses_of_weights_of_features_and_of_one_mode():
    model = fanin.Sequential([Input((6,), dtype="float64"), Several()], rng=0)
    model.compile(fanin.optimizers.SGD(0.0), "mse")
    base = X.mean(axis=0).sum() + 3.0
    np.testing.assert_allclose(model.evaluate(X, X, verbose=0), base, rtol=1e-12)
    history = model.fit(X, X, batch_size=50, verbose=0)
    extra = 0.25 + X.mean() / 2 - np.abs(X).mean()
    np.testing.assert_allclose(history.history["loss"], [base + extra], rtol=1e-12)


def test_a_softmax_in_front_of_it_is_exact():
    """What a model adds behind its last activation leaves loss and activation one formula."""

    class Sharp(fanin.Model):
        def __init__(self, adds, **kwargs):
            super().__init__(**kwargs)
            self.last, self.adds = Dense(3, "softmax"), adds

        def call(self, x):
            y = self.last(x)
            if self.adds:
                self.add_loss(0.0 * ops.mean(x))
            return y

    values = []
    for adds in (True, False):
        model = Sharp(adds, rng=0)
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.build((None, 6))
        model.params[...] *= 1e4
        y = np.arange(50) % 3
        values.append(model.evaluate(X, y, verbose=0))
        values.append(model.fit(X, y, verbose=0, shuffle=False).history["loss"])
    assert values[2] > 100
    # Rows of a narrow network are added up in another order.
    np.testing.assert_allclose(values[0], values[2], rtol=1e-6)
    np.testing.assert_allclose(values[1], values[3], rtol=1e-6)


def test_a_diagnosis_looks_at_the_layers_in_front():
    report = fanin.diagnose(vae(), X, X)
    assert report.ending.task == "binary"
    assert not {finding.kind for finding in report.findings} & {"loss", "output_activation"}


def refused(call, *words, error=TypeError):
    with pytest.raises(error) as caught:
        call()
    for word in words:
        assert word in str(caught.value)


def test_what_it_does_not_take():
    class Square(Layer):
        def call(self, x):
            self.add_loss(ops.square(ops.mean(x)))
            return x

    class Number(Layer):
        def call(self, x):
            self.add_loss(3.0)
            return x

    class Mixed(Layer):
        def call(self, x):
            self.add_loss(ops.mean(x) + ops.sum(x))
            return x

    class Used(Layer):
        def call(self, x):
            return x * ops.mean(x)

    for cls, words in (
        (Square, "of the whole batch"),
        (Number, "made of values or weights"),
        (Mixed, "call add_loss twice"),
        (Used, "of the whole batch"),
    ):
        refused(lambda cls=cls: cls()(X), words)
    refused(lambda: Dense(3).add_loss(1.0), "add_loss", "call of a class of your own")
    refused(lambda: vae().add_loss(1.0), "add_loss", "call of a class of your own")
