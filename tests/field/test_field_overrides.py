"""Faults seen in use, classes: methods that a subclass overrides (T3)."""

import abc
import copy
import dataclasses
import functools
import pickle
import typing

import fanin
import numpy as np
import pytest
from fanin import callbacks, initializers, layers, losses, metrics, optimizers
from fanin.optimizers import schedules
from refusals import assert_refused, outcome

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3)).astype("float32")
Y = X.sum(axis=1, keepdims=True)


def classes(module, base):
    """Return the public classes of a module that derive from `base`, without it."""
    named = [getattr(module, name) for name in module.__all__]
    return [v for v in named if isinstance(v, type) and issubclass(v, base) and v is not base]


BASES = {
    "layers": (layers, layers.Layer),
    "losses": (losses, losses.Loss),
    "metrics": (metrics, metrics.Metric),
    "optimizers": (optimizers, optimizers.Optimizer),
    "initializers": (initializers, initializers.Initializer),
}
MEMBERS = {name: classes(*where) for name, where in BASES.items()} | {"models": [fanin.Sequential]}
MEMBERS["layers"].remove(layers.Lambda)  # its subclasses are classes of users' own: all is called
HOOKS = {  # what textbooks override, and nothing here would call
    "layers": ["__call__", "build", "forward", "backward", "compute_output_shape"],
    "losses": ["__call__", "rows"],
    "metrics": ["__call__", "call", "reset_states", "merge_state"],
    "optimizers": ["step", "update_step", "apply_gradients"],
    "initializers": ["__call__", "call"],
    "models": ["call", "__call__", "train_step", "test_step", "predict_step", "compute_loss"],
}
OVERRIDES = [
    (kind, name) for family, kinds in MEMBERS.items() for kind in kinds for name in HOOKS[family]
]


def method(self, *args, **kwargs):
    raise AssertionError("it is never called")


def test_all_families_are_walked():
    walked = {kind for kinds in MEMBERS.values() for kind in kinds}
    assert {kind.__name__ for kind in walked} >= {
        *("Dense", "Dropout", "BatchNormalization", "Flatten"),
        *("Activation", "ReLU", "LeakyReLU", "ELU", "Softmax"),
        *("SGD", "RMSprop", "Adam", "Adagrad", "MeanSquaredError", "CategoricalCrossentropy"),
        *("BinaryAccuracy", "HeNormal", "Constant", "Orthogonal", "Sequential"),
    }
    assert len(walked) > 40
    for family, kinds in MEMBERS.items():
        assert kinds
        assert HOOKS[family]


@pytest.mark.parametrize(("kind", "name"), OVERRIDES)
def test_field_T3_an_override_that_nothing_calls_is_refused(kind, name):
    words = [f"Own.{name} cannot be overridden: ", "; "]
    assert_refused(lambda: type("Own", (kind,), {name: method}), TypeError, *words)
    mixin = type("Mixin", (), {name: method})
    assert_refused(lambda: type("Own", (mixin, kind), {}), TypeError, *words)


@pytest.mark.parametrize(("kind", "name"), [row for row in OVERRIDES if row[1][0] != "_"])
def test_field_T3_a_method_that_is_put_there_later_is_refused(kind, name):
    own = type("Own", (kind,), {})
    assert_refused(lambda: setattr(own, name, method), TypeError, f"Own.{name} cannot be")
    assert name not in vars(own)


MADE = {
    "layers": lambda: layers.Dense(2),
    "losses": losses.MeanSquaredError,
    "metrics": metrics.BinaryAccuracy,
    "optimizers": optimizers.SGD,
    "initializers": initializers.HeNormal,
    "models": fanin.Sequential,
}


@pytest.mark.parametrize("family", sorted(HOOKS))
def test_field_T3_a_method_that_is_put_on_an_object_is_refused(family):
    made = MADE[family]()
    for name in HOOKS[family]:
        words = f"{type(made).__name__}.{name} cannot be overridden"
        assert_refused(lambda n=name: setattr(made, n, method), AttributeError, words)
        assert name not in vars(made)


def test_field_T3_the_dropout_of_a_textbook():
    class MCDropout(layers.Dropout):
        def call(self, inputs):
            return super().call(inputs, training=True)

    model = fanin.Sequential([layers.Input((40,)), MCDropout(0.5)], rng=0)
    ones = np.ones((5, 40), "float32")
    assert set(np.unique(model.predict(ones, verbose=0))) == {0.0, 2.0}
    assert not np.array_equal(model(ones), model(ones))


def test_what_the_refusal_advises_works():
    model = fanin.Sequential([layers.Input((40,)), layers.Dropout(0.5, seed=1)], rng=0)
    ones = np.ones((5, 40), "float32")
    assert set(np.unique(model(ones, training=True))) == {0.0, 2.0}
    assert not np.array_equal(model(ones, training=True), model(ones, training=True))


@pytest.mark.parametrize("family", ["layers", "losses", "metrics", "optimizers"])
def test_field_T3_a_subclass_of_a_bare_base_class_says_why(family):
    base = BASES[family][1]
    own = type("Own", (base,), {"get_config": lambda self: {}})
    words = f"Own is not one of fanin's {family}: "
    assert_refused(own, TypeError, words, "compiled code", "; ")
    assert_refused(lambda: own("any", thing=1), TypeError, words)
    assert_refused(base, TypeError, f"{base.__name__} is a base class")


def test_field_T3_what_draws_nothing_says_so():
    base = initializers.RandomInitializer
    assert_refused(base, TypeError, "RandomInitializer is a base class")
    own = type("Own", (base,), {})
    assert_refused(own, TypeError, "Own is not one of fanin's initializers: ", "__call__(shape")


def test_field_T3_mistyped_hooks_of_callbacks():
    for name in ("on_epoch_ends", "on_epochend", "on_train_bath_end", "on_bach_end"):
        error = outcome(lambda n=name: type("Own", (callbacks.Callback,), {n: method}))
        assert isinstance(error, TypeError), name
        assert f"Own defines {name}, which nothing reads or calls; did you mean 'on_" in str(error)


def test_all_hooks_of_callbacks_may_be_overridden():
    hooks = {name: method for name in dir(callbacks.Callback) if name.startswith("on_")}
    assert len(hooks) >= 14
    type("Own", (callbacks.Callback,), hooks)()


# What is called from Python works.


def test_what_is_honoured_works():
    class Sevens(initializers.Initializer):
        def __call__(self, shape, dtype=None):
            return np.full(shape, 7, dtype or "float32")

    class Halving(schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.5**step

    class Count(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.epochs_seen = epoch + 1

    class Configured(layers.Dense):
        def get_config(self):
            return {**super().get_config(), "units": 2}

    class Told(fanin.Sequential):
        def fit(self, *args, **kwargs):
            self.fits = 1
            return super().fit(*args, **kwargs)

    count, sgd = Count(), optimizers.SGD(Halving())
    model = Told([layers.Input((3,)), Configured(1, kernel_initializer=Sevens())], rng=0)
    assert model.layers[0].kernel.tolist() == [[7.0]] * 3
    assert sgd.learning_rates(0, 3).tolist() == [1.0, 0.5, 0.25]
    model.compile(sgd, "mse")
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[count])
    assert (count.epochs_seen, model.fits) == (2, 1)
    assert model.layers[0].get_config()["units"] == 2


# Classes of every form pass where they override nothing.


def settings_before_the_constructor():
    class Own(layers.Dense):
        def __init__(self, units, **options):
            self.first = 1
            self._hidden = 2
            super().__init__(units, **options)
            self.second = 3

    own = Own(2)
    own.third = 4
    return own.first, own._hidden, own.second, own.third, own.units


def slots():
    class Own(layers.Dense):
        __slots__ = ("extra",)

    own = Own(2)
    own.extra = 5
    return own.extra


@dataclasses.dataclass
class Decaying(schedules.LearningRateSchedule):
    start: float = 0.1
    power: float = 1.0

    def __call__(self, step):
        return self.start / (step + 1) ** self.power


@dataclasses.dataclass(frozen=True)
class Frozen(schedules.LearningRateSchedule):
    start: float = 0.1

    def __call__(self, step):
        return self.start


def dataclass():
    own = Decaying(0.5)
    return own(1), pickle.loads(pickle.dumps(own)) == own, own == Decaying(0.2), Frozen(0.3)(9)


def generic():
    item = typing.TypeVar("item")

    class Seen(callbacks.Callback, typing.Generic[item]):
        def on_epoch_end(self, epoch, logs=None):
            self.last = epoch

    own = Seen[int]()
    own.on_epoch_end(3)
    return own.last


def abstract():
    class Scored(abc.ABC):
        @abc.abstractmethod
        def score(self): ...

    class Half(Scored, callbacks.Callback):
        pass

    class Whole(Half):
        def score(self):
            return 3

    return "abstract" in str(outcome(Half)), Whole().score()


def cached():
    class Own(callbacks.Callback):
        @functools.cached_property
        def table(self):
            return [1]

    own = Own()
    return own.table is own.table


def decorated():
    def marked(cls):
        cls.mark = 5
        return cls

    @marked
    class Own(layers.Dense):
        """A layer with a mark."""

    return Own(2).mark, Own(2).units


def alike():
    class Own(callbacks.Callback):
        rate_a = 1
        rate_b = 2

        def helper_a(self): ...
        def helper_b(self): ...

        def __init__(self):
            super().__init__()
            self.weight1, self.weight2 = 1, 2
            self.best_a, self.best_b = 3, 4

    made = pickle.loads(pickle.dumps(Own().__dict__))
    again = Own()
    again.__dict__.update(made)
    again.best_c, again.weight3 = 5, 6
    return made["weight2"], again.best_c


def textbook():
    class Gan(fanin.Sequential):
        def __init__(self, latent=2):
            super().__init__([layers.Dense(latent, input_shape=(3,))])
            self.d_loss, self.g_loss = [], []
            self.d_optimizer, self.g_optimizer = optimizers.Adam(), optimizers.Adam()
            self.generator = self.discriminator = None
            self.layer1, self.layer2 = 1, 2

        def sample(self):
            return self.layer2

        @property
        def depth(self):
            return len(self.layers)

    return Gan().sample(), Gan().depth, copy.deepcopy(Gan(3)).layers[0].units


@pytest.mark.parametrize(
    ("call", "right"),
    [
        (settings_before_the_constructor, (1, 2, 3, 4, 2)),
        (slots, 5),
        (dataclass, (0.25, True, False, 0.3)),
        (generic, 3),
        (abstract, (True, 3)),
        (cached, True),
        (decorated, (5, 2)),
        (alike, (2, 5)),
        (textbook, (2, 1, 3)),
    ],
)
def test_classes_of_every_form(call, right):
    assert call() == right


class NoHash:
    """A callable that no dict can look up."""

    __hash__ = None

    def __call__(self, y_true, y_pred):
        return 0.0


def mean_squared_error(y_true, y_pred):  # the name of ours, and something else
    return 0.0


@pytest.mark.parametrize(
    "function",
    [
        mean_squared_error,
        lambda t, p: 0.0,
        NoHash(),
    ],
)
def test_field_T3_a_loss_whose_derivative_nobody_knows_is_refused(function):
    model = fanin.Sequential([layers.Dense(1, input_dim=3)], rng=0)
    words = ("the function", "derivative", "value_and_gradient(y_true, y_pred)")
    assert_refused(lambda: model.compile("sgd", loss=function), TypeError, *words)
    assert not model.compiled


@pytest.mark.parametrize("function", [mean_squared_error, lambda t, p: 0.0, NoHash()])
def test_field_T3_the_same_functions_are_metrics(function):
    model = fanin.Sequential([layers.Dense(1, input_dim=3)], rng=0)
    model.compile("sgd", "mse", metrics=[function])
    name = getattr(function, "__name__", "no_hash")
    assert model.metrics_names == ["loss", name]
    assert model.evaluate(X, Y, verbose=0, return_dict=True)[name] == 0.0
