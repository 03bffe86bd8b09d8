"""Faults seen in use, classes: what was saved with a user's own is loaded again (F4, R8)."""

import copy
import pickle

import fanin
import numpy as np
import pytest
from fanin import (
    activations,
    callbacks,
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    regularizers,
)
from fanin.optimizers import schedules
from refusals import assert_refused, outcome

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3)).astype("float32")
Y = RNG.normal(size=(12, 2)).astype("float32")


class Inverse(schedules.LearningRateSchedule):
    def __init__(self, start=0.5):
        self.start = start

    def __call__(self, step):
        return self.start / (step + 1)

    def get_config(self):
        return {"start": self.start}


class Wide(layers.Dense):
    """A layer by another name."""


class Sevens(initializers.Initializer):
    def __call__(self, shape, dtype=None):
        return np.full(shape, 7, dtype or "float32")


class Slow(optimizers.SGD):
    """An optimizer by another name."""


class Square(losses.MeanSquaredError):
    """A loss by another name."""


class Distance(metrics.MeanAbsoluteError):
    """A metric by another name."""


OWN = {cls.__name__: cls for cls in (Inverse, Wide, Sevens, Slow, Square, Distance)}
# The module of each, what makes an object, and a class of the package of the same kind.
KINDS = {
    "Inverse": (schedules, lambda: Inverse(0.25), schedules.ExponentialDecay, (0.1, 5, 0.5)),
    "Wide": (layers, lambda: Wide(2), layers.Dense, (2,)),
    "Sevens": (initializers, Sevens, initializers.Ones, ()),
    "Slow": (optimizers, lambda: Slow(0.1), optimizers.SGD, ()),
    "Square": (losses, Square, losses.MeanSquaredError, ()),
    "Distance": (metrics, Distance, metrics.BinaryAccuracy, ()),
}
every_kind = pytest.mark.parametrize("name", KINDS)
REGISTRIES = [activations, *(row[0] for row in KINDS.values())]


def test_every_registry_has_a_row():
    modules = {m for m in list(vars(fanin).values()) if hasattr(m, "deserialize")}
    # Those of regularizers and constraints have no classes of users'.
    assert modules - {regularizers, constraints} | {schedules} == set(REGISTRIES)


def network(rate=None, layer=None, **choices):
    layer = layers.Dense(2) if layer is None else layer
    model = fanin.Sequential([layers.Input((3,)), layer], rng=0)
    rate = Inverse() if rate is None else rate
    options = {"optimizer": optimizers.SGD(rate), "loss": "mse", **choices}
    model.compile(**options)
    return model


def full():
    return network(
        layer=Wide(2, kernel_initializer=Sevens()),
        optimizer=Slow(Inverse(0.25), momentum=0.5),
        loss=Square(),
        metrics=[Distance()],
    )


def train(model, epoch=0):
    return model.fit(X, Y, epochs=epoch + 1, initial_epoch=epoch, batch_size=4, verbose=0)


def steps(model):
    return getattr(model.optimizer, "iterations", None)


def loaded(path, **options):
    """Load a model; what is refused fails the test that asked for it."""
    error = outcome(lambda: models.load_model(path, **options))
    assert error is None, f"not loaded: {error}"
    return models.load_model(path, **options)


@pytest.fixture
def path(tmp_path):
    model = full()
    train(model)
    model.save(tmp_path / "model.npz")
    return tmp_path / "model.npz"


@pytest.fixture
def registry():
    """Leave the registered classes as they were."""
    known = getattr(fanin.utils, "get_custom_objects", lambda: None)()
    before = dict(known or {})
    yield known
    if known is not None:
        known.clear()
        known.update(before)


def test_field_F4_a_model_with_a_schedule_of_ones_own_trains_on(tmp_path):
    model = network()
    train(model)
    model.save(tmp_path / "model.npz")
    again = loaded(tmp_path / "model.npz", custom_objects={"Inverse": Inverse})
    assert type(again.optimizer.learning_rate) is Inverse
    assert again.optimizer.learning_rates(0, 3).tolist() == [0.5, 0.25, 0.5 / 3]
    assert steps(again) == steps(model) == 3
    train(model, epoch=1)
    train(again, epoch=1)
    assert again.params.tobytes() == model.params.tobytes()


def test_field_F4_without_the_class_the_message_names_the_ways_out(tmp_path):
    network().save(tmp_path / "model.npz")
    assert_refused(
        lambda: models.load_model(tmp_path / "model.npz"),
        ValueError,
        "unknown learning rate schedule 'Inverse'",
        "custom_objects={'Inverse': Inverse}",
        "register_keras_serializable",
        "compile=False loads the model without it",
    )
    plain = models.load_model(tmp_path / "model.npz", compile=False)
    assert not plain.compiled


def test_field_F4_members_of_all_kinds(path):
    model = loaded(path, custom_objects=OWN)
    assert type(model.layers[0]) is Wide
    assert type(model.layers[0].kernel_initializer) is Sevens
    assert type(model.optimizer) is Slow
    assert (type(model.loss), type(model.optimizer.learning_rate)) == (Square, Inverse)
    assert model.optimizer.learning_rate.start == 0.25
    assert [type(metric) for metric in model.metrics] == [Distance]
    assert steps(model) == 3


@every_kind
def test_field_F4_each_that_is_missing_is_named(name, path):
    given = {other: cls for other, cls in OWN.items() if other != name}
    assert_refused(
        lambda: models.load_model(path, custom_objects=given),
        ValueError,
        path.name,
        f"custom_objects={{{name!r}: {name}}}",
        "register_keras_serializable",
    )
    if name not in ("Wide", "Sevens"):
        loaded(path, custom_objects=given, compile=False)


def test_field_F4_registered_classes_are_found(path, registry):
    assert registry is not None
    for cls in OWN.values():
        assert fanin.utils.register_keras_serializable("tests")(cls) is cls
    assert registry["tests>Inverse"] is Inverse
    assert type(loaded(path).optimizer.learning_rate) is Inverse
    model = full()
    model.save(path)  # now under the registered names
    assert type(loaded(path).layers[0]) is Wide
    registry.clear()
    assert_refused(lambda: models.load_model(path), ValueError, "unknown layer 'Wide'")
    assert type(loaded(path, custom_objects=OWN).layers[0]) is Wide


def test_field_F4_a_registered_name_tells_two_classes_apart(registry):
    assert registry is not None
    register = fanin.utils.register_keras_serializable

    def make(package, rate):
        @register(package, name="Rate")
        class Rate(schedules.LearningRateSchedule):
            def __call__(self, step):
                return rate

            def get_config(self):
                return {}

        return Rate

    ones, twos = make("ones", 1.0), make("twos", 2.0)
    for cls, rate in ((ones, 1.0), (twos, 2.0)):
        assert schedules.deserialize(schedules.serialize(cls()))(0) == rate
    unclear = {"class_name": "Rate", "config": {}}
    assert_refused(lambda: schedules.deserialize(unclear), ValueError, "unknown learning rate sch")


@every_kind
def test_field_F4_deserialize_and_get_take_custom_objects(name):
    module, make, _, _ = KINDS[name]
    assert hasattr(module, "serialize")
    written = module.serialize(make())
    assert written["class_name"] == name
    words = f"custom_objects={{{name!r}: {name}}}"
    assert_refused(lambda: module.deserialize(written), ValueError, words)
    for call in (
        lambda: module.deserialize(written, custom_objects=OWN),
        lambda: module.deserialize(written, OWN),
    ):
        assert outcome(call) is None
        assert type(call()) is OWN[name]
    get = getattr(module, "get", None)
    if get is None:
        return  # layers and schedules have none, as in Keras
    for what in (name, written):
        assert outcome(lambda w=what: get(w, custom_objects=OWN)) is None
        assert type(get(what, custom_objects=OWN)) is OWN[name]


def test_field_F4_a_clone_of_a_model_with_ones_own_layer():
    model = full()
    clone = outcome(lambda: models.clone_model(model, custom_objects=OWN))
    assert clone is None
    clone = models.clone_model(model, custom_objects=OWN)
    assert type(clone.layers[0]) is Wide
    assert clone.layers[0].kernel.tolist() == [[7.0, 7.0]] * 3


def test_field_F4_a_scope_gives_names_everywhere(path):
    scope = getattr(fanin.utils, "custom_object_scope", None)
    assert scope is not None
    with scope(OWN):
        assert type(models.load_model(path).layers[0]) is Wide
        assert type(layers.Dense(2, kernel_initializer="Sevens").kernel_initializer) is Sevens
        model = fanin.Sequential([layers.Dense(2)])
        model.compile("Slow", "Square", metrics=["Distance"])
        assert (type(model.optimizer), type(model.loss)) == (Slow, Square)
    assert_refused(lambda: models.load_model(path), ValueError, "unknown")
    assert_refused(lambda: optimizers.get("Slow"), ValueError, "unknown optimizer 'Slow'")


def test_field_F4_the_modules_of_keras_have_these_names():
    saving = getattr(fanin, "saving", None)
    assert saving is not None
    for name in ("register_keras_serializable", "custom_object_scope", "get_custom_objects"):
        assert getattr(saving, name) is getattr(fanin.utils, name)
    assert saving.load_model is models.load_model


@pytest.mark.parametrize("wrong", [5, "Inverse", [Inverse], Inverse], ids=repr)
def test_field_F4_custom_objects_of_another_kind_are_refused(wrong, path):
    for call in (
        lambda: models.load_model(path, custom_objects=wrong),
        lambda: models.clone_model(network(0.1), custom_objects=wrong),
        lambda: optimizers.get("sgd", custom_objects=wrong),
    ):
        assert_refused(call, TypeError, "custom_objects: expected a dict of classes by name")


def test_field_F4_a_class_of_another_kind_is_refused(path):
    given = {**OWN, "Slow": Square}
    words = "custom_objects['Slow']: expected a subclass of Optimizer"
    assert_refused(
        lambda: models.load_model(path, custom_objects=given), (TypeError, ValueError), words
    )


def test_field_F4_only_classes_with_a_configuration_are_registered(registry):
    assert registry is not None
    register = fanin.utils.register_keras_serializable
    before = dict(registry)
    assert_refused(lambda: register()(5), TypeError, "class: expected one with get_config")
    assert_refused(lambda: register(5), TypeError, "package: expected text")
    assert_refused(lambda: register("tests", 5), TypeError, "name: expected text")
    assert registry == before


def test_models_with_ones_own_are_copied():
    model = full()
    train(model)
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert type(again.layers[0]) is Wide
        train(again, epoch=1)
        assert steps(again) == 6


# R8: configurations of anything else.

OTHERS = (None, 5, [], "x" * 500, np.ones(2), object(), int)


@pytest.mark.parametrize("module", REGISTRIES, ids=lambda m: m.__name__)
def test_field_R8_deserialize_refuses_anything_else(module):
    wrong = []
    names = module in (activations, losses, metrics)  # which take a name too
    for other in OTHERS:
        if names and isinstance(other, str):
            continue
        error = outcome(lambda o=other: module.deserialize(o))
        if not isinstance(error, TypeError) or "'class_name' and 'config'" not in str(error):
            wrong.append(error)
    for config in ({}, {"config": {}}, {"class_name": 5}, {"class_name": None, "config": {}}):
        error = outcome(lambda c=config: module.deserialize(c))
        if not isinstance(error, ValueError) or "'class_name' and 'config'" not in str(error):
            wrong.append(error)
    for inner in (5, "x", [1], {1: 2}):
        error = outcome(lambda c=inner: module.deserialize({"class_name": "any", "config": c}))
        if not isinstance(error, ValueError) or "config of any: expected a dict" not in str(error):
            wrong.append(error)
    assert not wrong


def test_field_R8_serialize_refuses_anything_else():
    wrong = []
    for module in REGISTRIES:
        for other in (*OTHERS, {}, metrics.Metric, callbacks.History()):
            error = outcome(lambda o=other, m=module: m.serialize(o))
            if not isinstance(error, TypeError) or ": expected a" not in str(error):
                wrong.append((module, other, error))
    assert not wrong


@every_kind
def test_field_R8_from_config_names_what_is_wrong(name):
    _, _, cls, given = KINDS[name]
    for own in (cls, type("Own", (cls,), {})):
        error = outcome(lambda c=own: c.from_config({"nonsense": 1}))
        assert isinstance(error, ValueError)
        assert f"config of {own.__name__}: expected the arguments of its class" in str(error)
        assert "nonsense" in str(error)
        for other in (None, 5, "x", [("units", 2)]):
            assert_refused(lambda c=own, o=other: c.from_config(o), TypeError, "expected a dict of")
        error = outcome(lambda c=own: c.from_config({}))
        if given:
            assert isinstance(error, ValueError)
            assert "missing" in str(error)
        else:
            assert error is None


NETWORKS = [
    *({}, {"layers": 5}, {"nonsense": 1}, {"layers": [5]}, {"layers": [{}]}),
    *({"layers": [], "name": 5}, {"layers": [], "build_input_shape": 5}),
]


@pytest.mark.parametrize("config", NETWORKS, ids=repr)
def test_field_R8_a_damaged_configuration_of_a_network(config):
    assert_refused(lambda: fanin.Sequential.from_config(config), ValueError, "expected ")
