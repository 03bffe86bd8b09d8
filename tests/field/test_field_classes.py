"""Faults seen in use, classes: attributes and arguments that nothing reads (T10, S3, N7, S4)."""

import copy
import inspect
import pickle

import fanin
import numpy as np
import pytest
from fanin import (
    callbacks,
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    ops,
    optimizers,
    regularizers,
)
from fanin.optimizers import schedules
from refusals import assert_refused, outcome

X = np.ones((4, 3), "float32")

# What makes an object of each class; those that need no argument are not named.
ARGUMENTS = {
    "Activation": ("relu",),
    "CSVLogger": ("log.csv",),
    "CategoryEncoding": (4,),
    "CosineDecay": (0.1, 5),
    "Dense": (2,),
    "Dropout": (0.5,),
    "Embedding": (5, 2),
    "AlphaDropout": (0.5,),
    "GaussianDropout": (0.5,),
    "GaussianNoise": (0.5,),
    "PolynomialDecay": (0.1, 10),
    "InverseTimeDecay": (0.1, 10, 0.5),
    "CosineDecayRestarts": (0.1, 10),
    "ExponentialDecay": (0.1, 5, 0.5),
    "InputLayer": ((3,),),
    "Lambda": (ops.square,),
    "Permute": ((2, 1),),
    "RepeatVector": (2,),
    "Rescaling": (2.0,),
    "Reshape": ((3,),),
    **dict.fromkeys(("PrecisionAtRecall", "RecallAtPrecision"), (0.5,)),
    **dict.fromkeys(("SensitivityAtSpecificity", "SpecificityAtSensitivity"), (0.5,)),
    "LearningRateScheduler": (abs,),
    "ModelCheckpoint": ("model.npz",),
    "PiecewiseConstantDecay": ([5], [0.1, 0.01]),
    "SignalMonitor": (X,),
    "Sparse": (0.5,),
    "StudentT": (4.0,),
    "Beta": (2.0, 5.0),
}
BASES = (
    layers.Layer,
    layers.InputLayer,
    losses.Loss,
    metrics.Metric,
    optimizers.Optimizer,
    schedules.LearningRateSchedule,
    initializers.Initializer,
    regularizers.Regularizer,
    constraints.Constraint,
    callbacks.Callback,
    fanin.Sequential,
)
ABSTRACT = {layers.Layer, losses.Loss, metrics.Metric, optimizers.Optimizer}
ABSTRACT |= {schedules.LearningRateSchedule, initializers.Initializer}
ABSTRACT |= {initializers.RandomInitializer, regularizers.Regularizer, constraints.Constraint}
MODULES = (layers, losses, metrics, optimizers, schedules, initializers, callbacks, fanin.models)
MODULES += (regularizers, constraints)
CLASSES = sorted(
    {
        value
        for module in MODULES
        for value in (getattr(module, name) for name in module.__all__)
        if isinstance(value, type) and issubclass(value, BASES) and value not in ABSTRACT
    },
    key=lambda cls: (cls.__module__, cls.__name__),
)
every_class = pytest.mark.parametrize("cls", CLASSES)


def make(cls):
    return cls(*ARGUMENTS.get(cls.__name__, ()))


def state(member):
    return {name: repr(value) for name, value in vars(member).items()}


def pickled(member):
    return pickle.loads(pickle.dumps(member))


COPIES = {"itself": lambda m: m, "copy": copy.copy, "deepcopy": copy.deepcopy, "pickle": pickled}


def test_every_public_class_is_walked():
    walked = {cls.__name__ for cls in CLASSES}
    for module in MODULES:
        for name in module.__all__:
            value = getattr(module, name)
            if isinstance(value, type) and value not in ABSTRACT:
                # A Model has layers of its own: no arguments make two of them.
                others = {"Explanation", "Model", "Signals"}
                assert value.__name__ in walked | others, value
    assert len(walked) > 55
    assert set(ARGUMENTS) <= walked
    for cls in CLASSES:
        assert isinstance(make(cls), cls)


# T10: attributes.


@every_class
def test_field_T10_an_unknown_attribute_is_refused(cls):
    for name, way in COPIES.items():
        member = way(make(cls))
        before = state(member)
        words = f"{cls.__name__} has no attribute 'nonsense'"
        assert_refused(lambda m=member: setattr(m, "nonsense", 1), AttributeError, words)
        assert_refused(lambda m=member: m.nonsense, AttributeError, words)
        assert not hasattr(member, "nonsense"), name
        assert state(member) == before


def public(member):
    """Return the public attributes that can be set, and are long enough to be mistyped."""
    held = {name for name in vars(member) if name[0] != "_"}
    for name, value in inspect.getmembers(type(member), lambda v: isinstance(v, property)):
        if value.fset is not None and name[0] != "_":
            held.add(name)
    return sorted(name for name in held if len(name) > 5)


@pytest.mark.parametrize("cls", [cls for cls in CLASSES if public(make(cls))])
def test_field_T10_a_mistyped_attribute_says_which_was_meant(cls):
    member = make(cls)
    for name in public(member):
        for wrong in (name[:3] + name[4:], name[:2] + name[3] + name[2] + name[4:], name + "x"):
            if hasattr(member, wrong):
                continue
            words = [f"{cls.__name__} has no attribute {wrong!r}", "did you mean "]
            assert_refused(lambda w=wrong: setattr(member, w, 1), AttributeError, *words)
            assert wrong not in vars(member)


@every_class
def test_what_begins_with_an_underscore_is_free(cls):
    for way in COPIES.values():
        member = way(make(cls))
        member._mine = 1
        assert member._mine == 1
        assert not hasattr(member, "_others")


@pytest.mark.parametrize(
    ("make", "name", "words"),
    [
        (lambda: optimizers.SGD(), "lr", "SGD has no attribute 'lr': it is called learning_rate"),
        (lambda: optimizers.Adam(), "beta1", "did you mean 'beta_1'?"),
        (lambda: optimizers.SGD(), "momentun", "did you mean 'momentum'?"),
        (lambda: layers.Dense(2), "trainabel", "Dense has no attribute 'trainabel'; did you mean"),
        (lambda: layers.Dense(2), "unit", "did you mean 'units'?"),
        (lambda: fanin.Sequential(), "stop_trainning", "did you mean 'stop_training'?"),
        (lambda: callbacks.EarlyStopping(), "patiance", "did you mean 'patience'?"),
        (lambda: initializers.HeNormal(), "sed", "did you mean 'seed'?"),
    ],
)
def test_field_T10_what_was_seen_in_use(make, name, words):
    assert_refused(lambda: setattr(make(), name, 5.0), AttributeError, words)
    assert_refused(lambda: getattr(make(), name), AttributeError, words)


def test_field_T10_the_optimizer_of_a_model():
    model = fanin.Sequential([layers.Dense(1)], rng=0)
    model.compile("sgd", "mse")
    assert_refused(lambda: setattr(model.optimizer, "lr", 5.0), AttributeError, "learning_rate")
    assert model.optimizer.learning_rate == 0.01
    model.optimizer.learning_rate = 5.0
    assert model.optimizer.learning_rate == 5.0


def read_only(cls):
    found = inspect.getmembers(cls, lambda value: isinstance(value, property))
    return [name for name, value in found if value.fset is None and name[0] != "_"]


@pytest.mark.parametrize("cls", [cls for cls in CLASSES if read_only(cls)])
def test_field_T10_what_cannot_be_set_is_named_as_it_was_written(cls):
    member = make(cls)
    for name in read_only(cls):
        words = f"{cls.__name__}.{name} cannot be set"
        assert_refused(lambda n=name: setattr(member, n, 1), AttributeError, words)


class Mine(layers.Dense):
    """A subclass with attributes of its own."""

    def __init__(self, units, gain=1.0, **options):
        self.gain = gain
        super().__init__(units, **options)
        self.history = []


@pytest.mark.parametrize("way", COPIES.values(), ids=COPIES)
def test_field_T10_subclasses_of_users_have_names_of_their_own(way):
    mine = way(Mine(2, gain=3.0))
    assert (mine.gain, mine.units, mine.history) == (3.0, 2, [])
    mine.something_else = 4
    assert mine.something_else == 4
    for name in ("trainabel", "untis", "use_bais", "kernel_initialiser"):
        words = f"Mine has no attribute {name!r}; did you mean "
        assert_refused(lambda n=name: setattr(mine, n, 1), AttributeError, words)
        assert name not in vars(mine)


@pytest.mark.parametrize("cls", [cls for cls in CLASSES if public(make(cls))])
def test_field_T10_a_subclass_of_a_user_may_not_come_too_near(cls):
    own = type("Own", (cls,), {})
    member = own(*ARGUMENTS.get(cls.__name__, ()))
    member.quite_another_name = 1
    name = max(public(make(cls)), key=len)
    words = f"Own has no attribute '{name}q'; did you mean {name!r}?"
    assert_refused(lambda: setattr(member, f"{name}q", 1), AttributeError, words)


# S3, N7: arguments.


def test_field_S3_an_unknown_argument_is_told_in_the_name_of_the_class():
    silent = []
    for cls in CLASSES:
        given = ARGUMENTS.get(cls.__name__, ())
        for called in (cls, type("Own", (cls,), {})):
            error = outcome(lambda c=called, g=given: c(*g, nonsense=1))
            words = f"{called.__name__} got an unexpected keyword argument 'nonsense'"
            if not (isinstance(error, TypeError) and words in str(error)):
                silent.append(f"{cls.__name__}: {error}")
    assert not silent


@every_class
def test_field_S3_too_many_arguments_are_counted(cls):
    words = [f"{cls.__name__} takes ", "positional argument", "found 30"]
    assert_refused(lambda: cls(*range(30)), TypeError, *words)


NEEDY = [c for c in CLASSES if c.__name__ in ARGUMENTS and c is not layers.InputLayer]


@pytest.mark.parametrize("cls", NEEDY)
def test_field_S3_what_is_missing_is_told_in_the_name_of_the_class(cls):
    error = outcome(cls)
    assert isinstance(error, TypeError)
    assert "__init__" not in str(error)
    own = outcome(type("Own", (cls,), {}))
    assert str(own) == str(error).replace(cls.__name__, "Own")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: layers.Dense(2, W_init="uniform"), "'W_init': it is called kernel_initializer"),
        (lambda: layers.Dense(out_features=6), "'out_features': it is called units"),
        (lambda: layers.BatchNormalization(eps=0.1), "'eps': it is called epsilon"),
        (lambda: initializers.HeNormal(input_axes=0), "HeNormal got an unexpected"),
        (lambda: callbacks.TerminateOnNaN(raise_errors=True), "did you mean 'raise_error'?"),
    ],
)
def test_field_N7_old_arguments_of_constructors(call, words):
    assert_refused(call, TypeError, words)
    assert "did you mean 'units'" not in str(outcome(call))


# S4: what a layer was built with.

FIXED = [
    (layers.Dense(2), "units", 8),
    (layers.Dense(2), "use_bias", False),
    (layers.BatchNormalization(), "center", False),
    (layers.BatchNormalization(), "scale", False),
    (layers.BatchNormalization(), "axis", 1),
    (layers.Dropout(0.5, seed=1), "seed", 2),
]


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize(("layer", "name", "value"), FIXED)
def test_field_S4_what_the_arrays_were_made_for_stays(layer, name, value, inside):
    layer = copy.deepcopy(layer)
    if inside:
        fanin.Sequential([layers.Input((3,)), layer], rng=0)
    else:
        layer.build((None, 3), rng=0)
    before, right = layer(X), getattr(layer, name)
    words = [f"{name}: expected {right!r}, which layer ", "was built with", f"found {value!r}"]
    assert_refused(lambda: setattr(layer, name, value), ValueError, *words)
    assert getattr(layer, name) == right
    setattr(layer, name, right)  # what changes nothing is fine
    assert np.array_equal(layer(X), before)


def test_what_is_not_built_may_change():
    layer = layers.Dense(2)
    layer.units = 8
    layer.use_bias = False
    assert layer(X).shape == (4, 8)
    layer.trainable = False
    layer.activation = "relu"
    assert layer.trainable_weights == []
    assert_refused(lambda: setattr(layers.Dense(2), "units", 0), ValueError, "units: expected")
