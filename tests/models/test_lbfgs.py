"""L-BFGS: whole data sets in one step, the conventions of torch, and what it refuses."""

import copy
import pickle

import fanin
import numpy as np
import pytest
from fanin import callbacks, layers, optimizers
from fanin.errors import ShapeError
from fanin.models import _whole
from fanin.optimizers import LBFGS

RNG = np.random.default_rng(0)
X = RNG.normal(size=(48, 3))
Y = np.sin(X @ [1.0, -2.0, 0.5])


def network(optimizer=None, seed=0, dtype="float64", between=(), **dense):
    chain = [layers.Dense(5, "tanh", name="hidden", **dense), *between, layers.Dense(1)]
    model = fanin.Sequential([layers.Input((3,), dtype=dtype), *chain], rng=seed)
    model.compile(LBFGS(line_search_fn="strong_wolfe") if optimizer is None else optimizer, "mse")
    return model


def fit(model, epochs=1, **options):
    options = {"verbose": 0, "shuffle": False, **options}
    last = model.epoch + epochs
    return model.fit(X, Y, epochs=last, initial_epoch=model.epoch, **options).history["loss"]


def rosenbrock(x):
    a, b = x
    gradient = [-2 * (1 - a) - 400 * a * (b - a * a), 200 * (b - a * a)]
    return float((1 - a) ** 2 + 100 * (b - a * a) ** 2), np.array(gradient, x.dtype)


def test_a_curved_valley_is_walked_to_its_end():
    optimizer = LBFGS(line_search_fn="strong_wolfe", tolerance_change=0.0, tolerance_grad=1e-10)
    x = np.array([-1.2, 1.0])
    slots = optimizer.init(x)
    for step in range(3):
        x = optimizer._minimize_from(x, slots, step, rosenbrock)
    np.testing.assert_allclose(x, 1.0, rtol=1e-7)


def test_a_quadratic_takes_as_many_iterations_as_it_has_dimensions():
    scales = np.array([1.0, 4.0, 25.0, 100.0])
    calls = []

    def bowl(x):
        calls.append(x)
        return float(scales @ x**2) / 2, scales * x

    optimizer = LBFGS(line_search_fn="strong_wolfe", max_iter=40, tolerance_change=1e-16)
    x = np.array([1.0, -1.0, 2.0, 0.5])
    found = optimizer._minimize_from(x, optimizer.init(x), 0, bowl)
    assert np.abs(found).max() < 1e-7
    assert len(calls) < 25


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_losses_fall_far_below_those_of_adam(search, dtype):
    model, adam = network(LBFGS(line_search_fn=search), dtype=dtype), network("adam", dtype=dtype)
    losses = fit(model, 8)
    assert len(losses) == 8
    assert losses[-1] < 0.1 * fit(adam, 8 * 20, batch_size=48)[-1]


def test_the_loss_is_the_one_before_the_step_with_penalties():
    model = network(kernel_regularizer="l2")
    before = model.evaluate(X, Y, verbose=0)
    (loss,) = fit(model)
    assert loss == pytest.approx(before, rel=1e-12)
    assert model.evaluate(X, Y, verbose=0) < loss


def test_weights_of_samples_and_metrics_of_users_count_once():
    seen = []

    class Seen(fanin.metrics.Metric):
        def update_state(self, y_true, y_pred, sample_weight=None):
            seen.append(len(y_pred))

        def result(self):
            return float(sum(seen))

        def reset_state(self):
            seen.clear()

    model = network()
    model.compile(LBFGS(), "mse", metrics=[Seen(name="seen"), "mae"])
    history = model.fit(X, Y, sample_weight=np.arange(48) / 48, verbose=0).history
    assert (seen, history["seen"]) == ([48], [48.0])
    assert history["mean_absolute_error" if "mean_absolute_error" in history else "mae"][0] > 0


def test_losses_of_users_are_minimized_too():
    def square(y_true, y_pred):
        return (y_pred - y_true) ** 2

    model, twin = network(), network()
    model.compile(LBFGS(line_search_fn="strong_wolfe"), square)
    # Rounding differs, which iterations make larger.
    np.testing.assert_allclose(fit(model, 3), fit(twin, 3), rtol=1e-6)


def test_batches_are_refused_in_one_error():
    model, words = network(), r"batch_size: expected None or at least 48, all samples, with LBFGS"
    model.build((None, 3))
    before = model.params.copy()
    with pytest.raises(ValueError, match=words):
        fit(model, batch_size=32)
    np.testing.assert_array_equal(model.params, before)
    assert (model.epoch, model.slots) == (0, {})
    fit(model, batch_size=48)
    fit(model, batch_size=1000)
    assert model.optimizer.iterations == 2


def test_constraints_are_refused():
    model = network(kernel_constraint="non_neg")
    with pytest.raises(ValueError, match="constraint of layer 'hidden': expected None with LBFGS"):
        fit(model)
    with pytest.raises(ValueError, match="constraint of layer 'hidden': expected None with LBFGS"):
        model.train_on_batch(X, Y)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: LBFGS(max_iter=0), "max_iter: expected a whole number"),
        (lambda: LBFGS(max_eval=0), "max_eval: expected a whole number"),
        (lambda: LBFGS(line_search_fn="armijo"), "line_search_fn: expected 'strong_wolfe'"),
        (lambda: LBFGS(tolerance_grad=-1.0), "tolerance_grad"),
        (lambda: setattr(LBFGS(), "clipnorm", 1.0), "clipnorm: expected nothing beside L-BFGS"),
        (lambda: setattr(LBFGS(), "use_ema", True), "use_ema: expected nothing beside L-BFGS"),
        (lambda: LBFGS().exclude_from_weight_decay(var_names=["b"]), "expected nothing beside"),
    ],
)
def test_what_has_no_meaning_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_a_step_with_a_gradient_alone_goes_by_the_learning_rate():
    w = np.array([3.0, -1.0])
    optimizer = LBFGS(0.5, history_size=2)
    slots = optimizer.init(w)
    optimizer.step(w, [2.0, 0.0], slots, 0)
    np.testing.assert_allclose(w, [3.0 - 0.5 * 2.0 / 2.0, -1.0])
    with pytest.raises(ShapeError, match=r"slots: expected shape \(6, 2\), found \(2, 2\)"):
        optimizer.step(w, [1.0, 1.0], slots[:2], 1)


@pytest.mark.parametrize(
    "copied",
    [
        lambda model, path: copy.deepcopy(model),
        lambda model, path: pickle.loads(pickle.dumps(model)),
        lambda model, path: (model.save(path), fanin.models.load_model(path))[1],
    ],
    ids=["deepcopy", "pickle", "file"],
)
def test_a_copy_goes_on_to_the_same_bits(copied, tmp_path):
    model = network(LBFGS(0.8, max_iter=5, history_size=3))
    fit(model, 3)
    twin = copied(model, tmp_path / "m.npz")
    assert fit(twin, 3) == fit(model, 3)
    np.testing.assert_array_equal(twin.params, model.params)


def test_frozen_layers_stay_and_dropout_is_one_mask_a_step():
    model = network(between=[layers.Dropout(0.2)])
    model.build((None, 3))
    model.layers[0].trainable = False
    model.compile(LBFGS(line_search_fn="strong_wolfe"), "mse")
    kernel = model.layers[0].kernel.copy()
    losses = fit(model, 4)
    np.testing.assert_array_equal(model.layers[0].kernel, kernel)
    assert np.isfinite(losses).all()
    assert model.evaluate(X, Y, verbose=0) < losses[0]


def test_running_averages_move_once_a_step():
    model, twin = (network(o, between=[layers.BatchNormalization()]) for o in (None, "sgd"))
    fit(model)
    fit(twin, batch_size=48)
    np.testing.assert_array_equal(model.state, twin.state)


def test_an_interrupt_within_a_step_leaves_the_network_as_it_was(monkeypatch):
    model = network()
    fit(model, 2)
    twin = copy.deepcopy(model)
    params, slots = model.params.copy(), np.array(list(model.slots.values()))
    evaluate, calls = _whole._Descent.evaluate, []

    def breaks(descent, x):
        calls.append(x)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return evaluate(descent, x)

    with monkeypatch.context() as patched:
        patched.setattr(_whole._Descent, "evaluate", breaks)
        with pytest.raises(KeyboardInterrupt):
            fit(model)
    np.testing.assert_array_equal(model.params, params)
    np.testing.assert_array_equal(np.array(list(model.slots.values())), slots)
    assert model.optimizer.iterations == 2
    assert fit(model, 2) == fit(twin, 2)


def test_several_networks_and_batches_by_hand():
    models = [network(seed=seed) for seed in range(2)]
    alone = [network(seed=seed) for seed in range(2)]
    fanin.fit_many(models, X, Y, epochs=2, verbose=0, shuffle=False)
    for model, one in zip(models, alone, strict=True):
        fit(one, 2)
        np.testing.assert_array_equal(model.params, one.params)
    by_hand = network(seed=0)
    by_hand.train_on_batch(X, Y)
    by_hand.train_on_batch(X, Y)
    np.testing.assert_allclose(by_hand.params, alone[0].params, rtol=1e-12)
    mixed = [network(), network("adam")]
    with pytest.raises(ValueError, match="where some of the networks are compiled with L-BFGS"):
        fanin.fit_many(mixed, X, Y, verbose=0)
    fanin.fit_many(mixed, X, Y, batch_size=48, verbose=0)
    assert [model.optimizer.iterations for model in mixed] == [1, 1]


def test_threads_change_no_bit():
    found = []
    for threads in (1, 2):
        model = network(dtype="float32")
        fit(model, 3, threads=threads)
        found.append(model.params)
    np.testing.assert_array_equal(*found)


def test_callbacks_and_schedules_work():
    model = network(LBFGS(lambda step: 1.0 / (1 + step)))
    stopping = callbacks.EarlyStopping(monitor="loss", patience=1)
    assert len(fit(model, 30, callbacks=[stopping])) <= 30
    assert optimizers.get("lbfgs").max_iter == 20
