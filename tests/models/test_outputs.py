"""Networks of several outputs: forms, losses, metrics and weights by output, files and copies."""

import copy
import pickle

import fanin
import numpy as np
import pytest
from fanin import layers
from fanin.errors import ShapeError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
A, B = RNG.normal(size=(60, 1)), RNG.integers(0, 3, 60)
SPARSE = "sparse_categorical_crossentropy"
LOSSES = ["mse", SPARSE]


def parts(dtype="float64"):
    inputs = fanin.Input((4,), dtype=dtype)
    hidden = layers.Dense(5, "tanh", name="hidden")(inputs)
    a, b = layers.Dense(1, name="a")(hidden), layers.Dense(3, "softmax", name="b")(hidden)
    return inputs, hidden, a, b


FORMS = {
    "list": lambda a, b: [a, b],
    "tuple": lambda a, b: (a, b),
    "dict": lambda a, b: {"b": b, "a": a},
}


def made(form="list", rng=0, dtype="float64"):
    inputs, _, a, b = parts(dtype)
    return fanin.Model(inputs, FORMS[form](a, b), name="two", rng=rng)


def compiled(form="list", optimizer=None, **kwargs):
    model = made(form)
    model.compile(optimizer or fanin.optimizers.SGD(0.1), **{"loss": LOSSES, **kwargs})
    return model


# Forms.


@pytest.mark.parametrize("form", FORMS)
def test_outputs_come_in_the_form_they_were_given_in(form):
    model = made(form)
    kind = {"list": list, "tuple": tuple, "dict": dict}[form]
    assert model.output_names == ["a", "b"]
    assert [value.name for value in model.outputs] == ["a", "b"]
    found = [model.predict(X, verbose=0), model(X), model.forward(X)[0], model.output]
    found.append(model.compute_output_shape((7, 4)))
    assert model.output_shape == [(None, 1), (None, 3)]  # always a list, as in Keras
    for each in found:
        assert type(each) is kind
        if kind is dict:
            assert list(each) == ["a", "b"]
    a, b = found[0].values() if kind is dict else found[0]
    assert (a.shape, b.shape) == ((60, 1), (60, 3))
    assert np.allclose(b.sum(axis=1), 1)
    assert a.flags.c_contiguous
    assert b.flags.c_contiguous
    twice = [model.predict(X, verbose=0, batch_size=7), model(X)]
    for other in twice:
        for mine, theirs in zip((a, b), other.values() if kind is dict else other, strict=True):
            assert mine.tobytes() == theirs.tobytes()


def test_dicts_have_names_of_their_own():
    inputs, _, a, b = parts()
    model = fanin.Model(inputs, {"zz": a, "first": b}, rng=0)
    assert model.output_names == ["b", "a"]
    assert list(model.predict(X, verbose=0)) == ["first", "zz"]
    model.compile("sgd", {"zz": "mse", "first": SPARSE}, metrics={"first": "accuracy"})
    history = model.fit(X, {"zz": A, "first": B}, verbose=0)
    assert list(history.history) == ["first_accuracy", "first_loss", "loss", "zz_loss"]
    inputs, _, a, _ = parts()
    alone = fanin.Model(inputs, {"only": a})
    assert list(alone(X)) == ["only"]
    alone.compile("sgd", "mse", metrics=["mae"])
    assert list(alone.fit(X, {"only": A}, verbose=0).history) == ["loss", "mae"]
    assert isinstance(alone.evaluate(X, A, verbose=0), list)


def test_losses_of_a_dict_are_listed_as_they_were_given(tmp_path):
    model = compiled("dict", loss={"b": SPARSE, "a": "mse"}, metrics={"b": ["accuracy"]})
    assert model.metrics_names == ["loss", "b_loss", "a_loss", "b_accuracy"]
    assert reloaded(model, tmp_path).metrics_names == model.metrics_names
    assert compiled(loss={"b": SPARSE, "a": "mse"}).metrics_names == ["loss", "a_loss", "b_loss"]


def test_one_output_in_a_list_is_that_output():
    inputs, _, a, _ = parts()
    results = []
    for outputs in (a, [a], (a,)):
        model = fanin.Model(inputs, outputs, rng=0)
        model.set_weights([np.full(w.shape, 0.3) for w in model.get_weights()])
        model.compile(fanin.optimizers.Adam(0.01), "mse", metrics=["mae"])
        history = model.fit(X, A, epochs=2, verbose=0).history
        y = model.predict(X, verbose=0)
        assert model.output_shape == (None, 1)
        results.append((y.tobytes(), repr(history), model.params.tobytes()))
    assert results[0] == results[1] == results[2]


def test_an_inner_value_an_input_and_a_value_twice_are_outputs():
    inputs, hidden, a, _ = parts()
    model = fanin.Model(inputs, [a, hidden, inputs, a], rng=0)
    again, inner, same, twice = model.predict(X, verbose=0)
    assert np.array_equal(same, X)
    assert inner.shape == (60, 5)
    assert np.array_equal(again, twice)
    kernel, bias = model.get_layer("a").get_weights()
    np.testing.assert_allclose(inner @ kernel + bias, again, rtol=1e-12)
    model.compile("sgd", ["mse", None, None, "mae"], metrics=[["mse"], None, None, ["mse"]])
    history = model.fit(X, [A, None, None, A], verbose=0).history
    assert list(history) == ["a_loss", "a_loss_1", "a_mse", "a_mse_1", "loss"]
    assert history["a_mse"] == history["a_mse_1"]
    assert history["loss"][0] == pytest.approx(history["a_loss"][0] + history["a_loss_1"][0])


def test_rows_of_several_axes_are_outputs_too():
    inputs = fanin.Input((2, 3), dtype="float64")
    rows = layers.Dense(4, "softmax", name="rows")(inputs)
    flat = layers.Dense(1, name="flat")(layers.Flatten()(inputs))
    model = fanin.Model(inputs, [flat, rows], rng=0)
    x, classes = RNG.normal(size=(30, 2, 3)), RNG.integers(0, 4, (30, 2))
    y = RNG.normal(size=(30, 1))
    model.compile("sgd", ["mse", SPARSE], metrics=[[], ["accuracy"]])
    loss, of_flat, of_rows, accuracy = model.evaluate(x, [y, classes], verbose=0)
    one, many = model.predict(x, verbose=0)
    assert many.shape == (30, 2, 4)
    assert of_flat == pytest.approx(np.mean((one - y) ** 2), rel=1e-12)
    chosen = np.take_along_axis(many, classes[..., None], -1)
    assert of_rows == pytest.approx(-np.log(chosen).mean(), rel=1e-12)
    assert accuracy == pytest.approx((many.argmax(-1) == classes).mean())
    assert loss == pytest.approx(of_flat + of_rows, rel=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_a_model_of_several_outputs_is_a_layer(form):
    inner = made(form)
    inputs = fanin.Input((4,), dtype="float64")
    found = inner(inputs)
    a, b = found.values() if form == "dict" else found
    model = fanin.Model(inputs, layers.Concatenate()([b, a]))
    y = inner.predict(X, verbose=0)
    y = list(y.values()) if form == "dict" else y
    assert np.array_equal(model.predict(X, verbose=0), np.concatenate([y[1], y[0]], axis=1))


def test_what_reads_a_model_of_several_outputs_may_be_deep_or_not():
    """As of an encoder, whose one output goes through more than the other."""
    inner = made()
    inputs = fanin.Input((4,), dtype="float64")
    a, b = inner(layers.Dense(4, "relu", dtype="float64")(inputs))
    b = layers.Dense(2, "relu", dtype="float64")(b)
    outer = fanin.Model(inputs, layers.Dense(1)(layers.Concatenate()([b, a])), rng=0)
    assert np.shares_memory(inner.params, outer.params)
    before = inner.predict(X, verbose=0)
    outer.compile("sgd", "mse")
    outer.fit(X, A, verbose=0)
    assert not any(map(np.array_equal, inner.predict(X, verbose=0), before))
    twin = copy.deepcopy(outer)
    assert np.array_equal(twin.predict(X, verbose=0), outer.predict(X, verbose=0))
    again = fanin.Model.from_config(outer.get_config())
    again.set_weights(outer.get_weights())
    assert np.array_equal(again.predict(X, verbose=0), outer.predict(X, verbose=0))


def test_gradients_go_back_from_each_output():
    model = made("dict")
    (a, b), rng = (model(X)[k] for k in "ab"), np.random.default_rng(1)
    dy = {"a": rng.normal(size=a.shape), "b": rng.normal(size=b.shape)}
    _, cache = model.forward(X)
    dx, grads = model.backward(dy, cache)
    start, eps = model.params.copy(), 1e-6
    way = rng.normal(size=start.shape)
    ends = []
    for sign in (1, -1):
        model.params[...] = start + sign * eps * way
        y = model(X)
        ends.append(sum(float((y[k] * dy[k]).sum()) for k in "ab"))
    flat = np.concatenate([grads[name].ravel() for name in grads])
    assert flat @ way == pytest.approx((ends[0] - ends[1]) / (2 * eps), rel=1e-6)
    assert dx.shape == X.shape


# What is told.


def test_histories_and_evaluations_have_the_names_of_keras():
    model = compiled(
        metrics=[["mae"], ["accuracy"]], weighted_metrics={"a": ["mae", "mse"], "b": "accuracy"}
    )
    own = ["a_loss", "a_mae", "a_mse", "a_weighted_mae", "b_accuracy", "b_loss"]
    own += ["b_weighted_accuracy", "loss"]
    history = model.fit(X, [A, B], validation_split=0.5, verbose=0).history
    assert list(history) == [*own, *(f"val_{name}" for name in own)]
    order = ["loss", "a_loss", "b_loss", "a_mae", "a_mse", "a_weighted_mae"]
    order += ["b_accuracy", "b_weighted_accuracy"]
    assert model.metrics_names == order
    values = model.evaluate(X, [A, B], verbose=0)
    named = model.evaluate(X, [A, B], verbose=0, return_dict=True)
    assert list(named) == own
    assert values == [named[name] for name in order]
    assert [metric.name for metric in model.metrics] == [
        "mae", "mae", "mse", "accuracy", "accuracy",
    ]  # fmt: skip


def test_the_loss_of_the_only_output_that_has_one_is_the_loss():
    model = compiled(loss=["mse", None], metrics={"a": ["mae"]})
    assert model.metrics_names == ["loss", "a_mae"]
    before = model.get_layer("b").get_weights()
    assert list(model.fit(X, [A], verbose=0).history) == ["a_mae", "loss"]
    assert all(map(np.array_equal, model.get_layer("b").get_weights(), before))
    assert isinstance(compiled(loss=["mse", None]).evaluate(X, [A, None], verbose=0), float)


@pytest.mark.parametrize("form", FORMS)
def test_losses_targets_and_weights_come_in_order_or_by_name(form):
    given = {
        "order": (LOSSES, [0.5, 2.0], [["mae"], ["accuracy"]], [A, B], [np.ones(60), None]),
        "name": (
            {"b": SPARSE, "a": "mse"},
            {"b": 2.0, "a": 0.5},
            {"b": "accuracy", "a": ["mae"]},
            {"b": B, "a": A},
            {"b": None, "a": np.ones(60)},
        ),
    }
    found = []
    for losses, weights, metrics, y, counts in given.values():
        model = compiled(form, loss=losses, loss_weights=weights, metrics=metrics)
        history = model.fit(X, y, sample_weight=counts, epochs=2, verbose=0, rng=0).history
        found.append((repr(history), model.params.tobytes()))
    assert found[0] == found[1]


def numbers(model, a=A, b=B, x=X, weights=(None, None), loss_weights=(1.0, 1.0)):
    """Losses, mean absolute error and accuracy, weighted too, by NumPy."""
    y, p = model.predict(x, verbose=0)
    count = [np.ones(len(x)) if w is None else w for w in weights]
    mse, mae = ((y - a) ** 2)[:, 0], np.abs(y - a)[:, 0]
    crossentropy, hit = -np.log(p[np.arange(len(x)), b]), p.argmax(1) == b
    of_a, of_b = np.mean(count[0] * mse), np.mean(count[1] * crossentropy)
    return {
        "a_loss": of_a,
        "b_loss": of_b,
        "loss": loss_weights[0] * of_a + loss_weights[1] * of_b,
        "a_mae": mae.mean(),
        "b_accuracy": hit.mean(),
        "a_weighted_mae": np.sum(count[0] * mae) / count[0].sum(),
        "b_weighted_accuracy": np.sum(count[1] * hit) / count[1].sum(),
    }


@pytest.mark.parametrize("batch_size", [7, 60])
def test_values_are_those_of_numpy(batch_size):
    weights = np.random.default_rng(2).uniform(0, 2, (2, 60))
    both = {"a": "mae", "b": "accuracy"}
    model = compiled(loss_weights=[0.5, 2.0], metrics=both, weighted_metrics=both)
    for counts, given in ((weights, list(weights)), ((weights[0],) * 2, weights[0])):
        expected = numbers(model, weights=counts, loss_weights=(0.5, 2.0))
        found = model.evaluate(
            X, [A, B], batch_size, sample_weight=given, return_dict=True, verbose=0
        )
        assert found == pytest.approx(expected, rel=1e-12)
        stopped = model.evaluate(
            X, [A, B], batch_size, sample_weight=given, return_dict=True, verbose=0,
            callbacks=[Batches()],
        )  # fmt: skip
        assert stopped == pytest.approx(expected, rel=1e-12)
    expected = numbers(model, loss_weights=(0.5, 2.0))
    assert model.evaluate(X, [A, B], return_dict=True, verbose=0) == pytest.approx(expected)


class Batches(fanin.callbacks.Callback):
    def on_test_batch_end(self, batch, logs=None):
        assert "a_loss" in logs


def test_weighted_metrics_of_one_output():
    model = fanin.Sequential([fanin.Input((4,), dtype="float64"), layers.Dense(1)], rng=0)
    model.compile("sgd", "mse", metrics=["mae"], weighted_metrics=["mae", "mse"], loss_weights=2.0)
    assert model.metrics_names == ["loss", "mae", "weighted_mae", "mse"]
    w = np.random.default_rng(0).uniform(0, 3, 60)
    error = (model.predict(X, verbose=0) - A)[:, 0]
    expected = {
        "loss": 2 * np.mean(w * error**2),
        "mae": np.abs(error).mean(),
        "weighted_mae": np.sum(w * np.abs(error)) / w.sum(),
        "mse": np.sum(w * error**2) / w.sum(),
    }
    found = model.evaluate(X, A, sample_weight=w, return_dict=True, verbose=0)
    assert found == pytest.approx(expected, rel=1e-12)
    nothing = model.evaluate(X, A, sample_weight=np.zeros(60), return_dict=True, verbose=0)
    assert nothing["mse"] == nothing["loss"] == 0.0
    assert np.isfinite(model.fit(X, A, sample_weight=w, verbose=0).history["weighted_mae"]).all()


# Training.


def trained(model, threads=None, **kwargs):
    history = model.fit(
        X, [A, B], batch_size=16, epochs=3, verbose=0, rng=1, threads=threads, **kwargs
    )
    return repr(history.history), model.params.tobytes()


@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.5, 2.0)])
def test_a_step_goes_down_the_gradient_of_the_sum(weights):
    model = compiled(optimizer=fanin.optimizers.SGD(1.0), loss_weights=list(weights))
    start = model.params.copy()
    model.fit(X, [A, B], batch_size=60, shuffle=False, verbose=0)
    step = start - model.params
    rng, eps = np.random.default_rng(0), 1e-6
    for _ in range(3):
        way, ends = rng.normal(size=start.shape), []
        for sign in (1, -1):
            model.params[...] = start + sign * eps * way
            ends.append(numbers(model, loss_weights=weights)["loss"])
        assert step @ way == pytest.approx((ends[0] - ends[1]) / (2 * eps), rel=1e-6)


def test_an_output_without_a_loss_changes_nothing():
    found = []
    for alone, loss, y in ((True, "mse", A), (False, [None, "mse"], [B, A])):
        inputs, _, a, b = parts()
        model = fanin.Model(inputs, a if alone else [b, a], rng=0)
        model.get_layer("a").set_weights([np.ones((5, 1)), np.ones(1)])
        model.get_layer("hidden").set_weights([np.full((4, 5), 0.1), np.zeros(5)])
        model.compile(fanin.optimizers.SGD(0.1), loss, metrics=None)
        history = model.fit(X, y, epochs=3, verbose=0, rng=0).history
        hidden = np.concatenate([w.ravel() for w in model.get_layer("hidden").get_weights()])
        found.append((history["loss"], hidden))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-12)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-12)


def test_threads_and_spans_give_the_same_bits():
    expected = trained(compiled(metrics={"b": "accuracy"}), 1)
    for threads in (2, 3):
        assert trained(compiled(metrics={"b": "accuracy"}), threads) == expected

    class Each(fanin.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            assert list(logs) == ["a_loss", "b_accuracy", "b_loss", "loss"]

    assert trained(compiled(metrics={"b": "accuracy"}), callbacks=[Each()]) == expected


def test_fit_many_gives_the_bits_of_fit():
    models = [compiled() for _ in range(3)]
    for place, model in enumerate(models):
        model.params[...] += 0.1 * place
    twins = [copy.deepcopy(model) for model in models]
    fanin.fit_many(models, X, [A, B], batch_size=16, epochs=2, verbose=0)
    for model, twin in zip(models, twins, strict=True):
        twin.fit(X, [A, B], batch_size=16, epochs=2, verbose=0)
        assert model.params.tobytes() == twin.params.tobytes()
    models[1].compile("sgd", LOSSES, loss_weights=[1, 2])
    with pytest.raises(ValueError, match=r"models\[1\]: expected the same weights of the losses"):
        fanin.fit_many(models, X, [A, B], verbose=0)


def test_callbacks_watch_the_loss_of_an_output(tmp_path):
    model = compiled(metrics={"b": "accuracy"})
    stop = fanin.callbacks.EarlyStopping("val_b_loss", patience=0)
    best = fanin.callbacks.ModelCheckpoint(
        tmp_path / "best.npz", monitor="val_b_accuracy", save_best_only=True
    )
    model.fit(X, [A, B], epochs=5, validation_split=0.3, callbacks=[stop, best], verbose=0)
    assert (tmp_path / "best.npz").exists()
    wrong = fanin.callbacks.EarlyStopping("val_c_loss")
    with pytest.raises(ValueError, match="b_loss"):
        model.fit(X, [A, B], validation_split=0.3, callbacks=[wrong], verbose=0)


# Losses and metrics of users.


class Square(fanin.losses.Loss):
    def value_and_gradient(self, y_true, y_pred, sample_weight=None):
        error = y_pred - y_true
        w = np.ones(len(error)) if sample_weight is None else sample_weight
        return np.mean(w[:, None] * error**2), 2 * w[:, None] * error / error.size


def own_mae(y_true, y_pred):
    assert y_true.shape == y_pred.shape == (len(y_true), 1)
    assert not y_pred.flags.writeable
    return np.abs(y_pred - y_true)


@pytest.mark.parametrize("weigh", [False, True])
def test_losses_and_metrics_of_users_stand_beside_those_of_the_core(weigh):
    weights = np.random.default_rng(0).uniform(0.5, 2, (2, 60))
    found = []
    for loss, metric in (("mse", "mae"), (Square(), "mae"), ("mse", own_mae), (Square(), own_mae)):
        model = compiled(
            loss={"a": loss, "b": SPARSE},
            loss_weights=[0.5, 2.0],
            metrics={"a": [metric], "b": ["accuracy"]},
            weighted_metrics={"a": [metric]},
        )
        kwargs = {"sample_weight": list(weights)} if weigh else {}
        values = model.evaluate(X, [A, B], verbose=0, batch_size=16, **kwargs)
        kwargs["validation_split"] = 0.25
        history = model.fit(X, [A, B], epochs=2, verbose=0, rng=0, batch_size=16, **kwargs)
        found.append([*values, *np.ravel(list(history.history.values())), *model.params])
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], rtol=1e-9, atol=1e-12)


# Data frames.


def test_frames_by_their_columns():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"p": X[:, 0], "q": X[:, 1], "a": A[:, 0], "b": B})
    p, q = (fanin.Input((1,), name=name, dtype="float64") for name in "pq")
    hidden = layers.Dense(5, "tanh")(layers.Concatenate()([p, q]))
    outputs = [layers.Dense(1, name="a")(hidden), layers.Dense(3, "softmax", name="b")(hidden)]
    found = []
    targets = [[A, B], frame[["a", "b"]], {"b": frame["b"], "a": frame["a"]}, [frame["a"], B]]
    inputs = [
        [X[:, :1], X[:, 1:2]],
        frame[["q", "p"]],
        dict(frame[["p", "q"]]),
        [frame["p"], X[:, 1]],
    ]
    for x, y in zip(inputs, targets, strict=True):
        model = fanin.Model([p, q], outputs, rng=0)
        model.set_weights([np.full(w.shape, 0.2) for w in model.get_weights()])
        model.compile("sgd", LOSSES)
        history = model.fit(x, y, verbose=0, rng=0, sample_weight=frame["b"] + 1.0)
        found.append((repr(history.history), model.predict(x, verbose=0)[0].tobytes()))
    assert len(set(found)) == 1
    one = fanin.Sequential([fanin.Input((2,), dtype="float64"), layers.Dense(1)], rng=0)
    assert np.array_equal(
        one.predict(frame[["p", "q"]], verbose=0), one.predict(X[:, :2], verbose=0)
    )
    # Columns that no input is called by are left alone, as in Keras.
    assert np.array_equal(model.predict(frame, verbose=0)[0], model.predict(x, verbose=0)[0])
    with pytest.raises(ValueError, match="x: expected the inputs p, q, found p, a, b"):
        model.predict(frame[["p", "a", "b"]], verbose=0)


# Files and copies.


def reloaded(model, folder):
    model.save(folder / "model.npz")
    return fanin.models.load_model(folder / "model.npz")


TWINS = {
    "pickle": lambda model, folder: pickle.loads(pickle.dumps(model)),
    "deepcopy": lambda model, folder: copy.deepcopy(model),
    "file": reloaded,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("make", TWINS)
def test_a_twin_trains_on_to_the_same_bits(make, form, tmp_path):
    model = compiled(
        form,
        loss_weights=[0.5, 2.0],
        metrics={"b": ["accuracy"]},
        weighted_metrics={"a": ["mae"]},
        optimizer="adam",
    )
    trained(model)
    twin = TWINS[make](model, tmp_path)
    assert twin.get_config() == model.get_config()
    assert twin.metrics_names == model.metrics_names
    assert twin.output_shape == model.output_shape
    assert [loss.get_config() for loss in twin.loss] == [loss.get_config() for loss in model.loss]
    assert trained(twin) == trained(model)


@pytest.mark.parametrize("form", FORMS)
def test_a_configuration_makes_an_equal_network(form):
    model = made(form)
    for twin in (fanin.Model.from_config(model.get_config()), fanin.models.clone_model(model)):
        assert twin.get_config() == model.get_config()
        assert twin.output_shape == model.output_shape
    inputs, hidden, a, _ = parts()
    odd = fanin.Model(inputs, {"x": hidden, "y": inputs, "z": a, "w": a})
    assert fanin.Model.from_config(odd.get_config()).output_shape == odd.output_shape


def test_what_was_compiled_for_a_loss_without_targets_is_kept(tmp_path):
    model = compiled(loss=["mse", None])
    model.fit(X, [A, None], verbose=0)
    twin = reloaded(model, tmp_path)
    assert twin.loss[1] is None
    assert twin.fit(X, [A], verbose=0).history.keys() == {"loss"}


# Bad input.

COMPILE = {
    "too few losses": ({"loss": ["mse"]}, "loss: expected a list or dict of 2.*a, b.*found 1"),
    "too many losses": ({"loss": ["mse"] * 3}, "loss: expected.*found 3"),
    "an unknown loss": ({"loss": ["mse", "msee"]}, "output 'b': unknown loss 'msee'"),
    "a loss of another name": (
        {"loss": {"a": "mse", "c": "mse"}},
        "loss: expected the outputs a, b by name, found a, c",
    ),
    "an output without a name": ({"loss": {"a": "mse"}}, "loss: expected the outputs a, b"),
    "no loss at all": ({"loss": [None, None]}, "loss: expected a loss"),
    "a sum": (
        {"loss": ["mse", fanin.losses.MeanSquaredError(reduction="sum")]},
        "output 'b': loss: expected the mean",
    ),
    "too few weights": ({"loss_weights": [1.0]}, "loss_weights: expected.*found 1"),
    "a weight of another name": (
        {"loss_weights": {"a": 1, "c": 2}},
        "loss_weights: expected the outputs a, b by name, found a, c",
    ),
    "a weight that is infinite": ({"loss_weights": [1, np.inf]}, r"loss_weights\['b'\]: expected"),
    "one weight": ({"loss_weights": 0.5}, "loss_weights: expected a list or dict of 2"),
    "metrics of too few": ({"metrics": ["mae"]}, "metrics: expected a list or dict of 2.*found 1"),
    "metrics of another name": ({"metrics": {"c": "mae"}}, "metrics: expected the outputs a, b"),
    "an unknown metric": ({"metrics": [None, ["accurcy"]]}, "output 'b': .*'accurcy'"),
    "a metric of other targets": (
        {"metrics": {"b": "mae"}},
        "output 'b': metrics: expected metrics of the targets",
    ),
    "weighted metrics of another name": (
        {"weighted_metrics": {"c": "mae"}},
        "weighted_metrics: expected the outputs a, b",
    ),
    "a metric twice": ({"metrics": {"a": ["mae", "mae"]}}, "output 'a': metrics: expected names"),
}


@pytest.mark.parametrize("case", COMPILE)
def test_what_compile_refuses_names_the_output_and_changes_nothing(case):
    arguments, words = COMPILE[case]
    model = compiled()
    before = model.loss, model.optimizer, model.metrics_names
    with pytest.raises((ValueError, TypeError), match=words):
        model.compile("sgd", **{"loss": LOSSES, **arguments})
    assert (model.loss, model.optimizer, model.metrics_names) == before


FIT = {
    "one array": (dict(y=A), TypeError, "y: expected a list or dict of 2"),
    "too few": (dict(y=[A]), ValueError, "y: expected a list or dict of 2, .*found 1"),
    "another name": (dict(y={"a": A, "c": B}), ValueError, "y: expected the outputs a, b"),
    "none": (dict(y=[A, None]), ValueError, r"y\['b'\] is missing"),
    "a class too large": (
        dict(y=[A, B + 1]),
        ValueError,
        r"y\['b'\]: expected classes from 0 to 2",
    ),
    "a wrong shape": (dict(y=[B[:, None] @ np.ones((1, 2)), B]), ShapeError, r"y\['a'\]: expected"),
    "too few samples": (dict(y=[A, B[1:]]), ShapeError, r"y\['b'\]: expected one entry for each"),
    "weights of too few": (
        dict(y=[A, B], sample_weight=[np.ones(60)]),
        ValueError,
        "sample_weight: expected a list or dict of 2",
    ),
    "weights of another name": (
        dict(y=[A, B], sample_weight={"c": np.ones(60)}),
        ValueError,
        "sample_weight: expected the outputs a, b",
    ),
    "a negative weight": (
        dict(y=[A, B], sample_weight=[np.ones(60), -np.ones(60)]),
        ValueError,
        r"sample_weight\['b'\]: expected weights of at least 0",
    ),
    "weights of classes": (
        dict(y=[A, B], class_weight={0: 1.0}),
        ValueError,
        "class_weight: expected None for a network of several outputs",
    ),
    "validation of one": (
        dict(y=[A, B], validation_data=(X, [A])),
        ValueError,
        "y of validation_data: expected a list or dict of 2",
    ),
}


@pytest.mark.parametrize("case", FIT)
def test_what_fit_refuses_names_the_output_and_changes_nothing(case):
    arguments, error, words = FIT[case]
    model = compiled()
    before = model.params.tobytes()
    with pytest.raises(error, match=words):
        model.fit(X, verbose=0, **arguments)
    assert model.params.tobytes() == before
    assert model.history is None


def test_a_loss_that_does_not_fit_its_output_warns_with_its_name():
    model = made()
    with pytest.warns(UserWarning, match="output 'a': the network ends in linear"):
        model.compile("sgd", ["binary_crossentropy", SPARSE])


def test_users_weighted_metrics_take_weights():
    class Largest(fanin.metrics.Metric):
        def reset_state(self):
            self.found = 0.0

        def update_state(self, y_true, y_pred):
            self.found = max(self.found, float(np.abs(y_pred - y_true).max()))

        def result(self):
            return self.found

    model = compiled(weighted_metrics={"a": [Largest()]})
    assert "a_largest" in model.fit(X, [A, B], verbose=0).history
    with pytest.raises(ValueError, match="weighted_metrics: expected metrics that take weights"):
        model.fit(X, [A, B], sample_weight=np.ones(60), verbose=0)


def test_refusals_of_outputs():
    inputs, _, a, b = parts()
    with pytest.raises(ValueError, match="outputs: expected what a layer makes"):
        fanin.Model(inputs, inputs)
    with pytest.raises(TypeError, match=r"outputs\[1\]: expected a value"):
        fanin.Model(inputs, [a, [b]])
    with pytest.raises(TypeError, match="a key of outputs"):
        fanin.Model(inputs, {1: a})
    model = made()
    y, cache = model.forward(X)
    with pytest.raises(ValueError, match="out: expected None"):
        model.forward(X, out=y[0])
    with pytest.raises(ShapeError, match=r"dy\['b'\]: expected shape \(n, 3\)"):
        model.backward([y[0], y[0]], cache)
    with pytest.raises(TypeError, match="dy: expected a list or dict of 2"):
        model.backward(y[0], cache)
