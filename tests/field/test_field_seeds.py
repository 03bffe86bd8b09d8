"""Faults seen in use, seeds: every form of one is written down, read and drawn from alike (N3)."""

import copy
import json

import fanin
import numpy as np
import pytest
from fanin import callbacks, initializers, layers, streams
from fanin.random import Stream
from refusals import assert_refused, outcome

X = np.random.default_rng(0).normal(size=(20, 4)).astype("float32")

ABSTRACT = {"RandomInitializer"}
# What a class needs beside its seed, and a shape that it can fill.
ARGUMENTS = {"Sparse": {"sparsity": 0.5}, "StudentT": {"df": 4.0}, "Beta": {"a": 2.0, "b": 5.0}}
SHAPES = {"DeltaOrthogonal": (3, 4, 4)}
SEEDED = {
    name: kind
    for name, kind in vars(initializers).items()
    if isinstance(kind, type)
    and issubclass(kind, initializers.RandomInitializer)
    and name == kind.__name__
    and name not in ABSTRACT
}
every_class = pytest.mark.parametrize("kind", SEEDED.values(), ids=SEEDED)

SEEDS = {
    "numpy integer": lambda: np.int64(5),
    "small numpy integer": lambda: np.uint8(200),
    "array of no dimension": lambda: np.array(7),
    "tuple": lambda: (1, 2),
    "range": lambda: range(2),
    "list of numpy integers": lambda: [np.int32(3), np.int64(2**40)],
    "more digits than JSON has": lambda: 10**5000 + 3,
    "sequence of such": lambda: [1, 10**5000],
    "Stream": lambda: Stream([1, 2], "mine"),
    "SeedSequence": lambda: np.random.SeedSequence(3),
    "key of JAX": lambda: streams.jax(3),
    "generator of torch": lambda: streams.torch_cpu(3),
}
every_seed = pytest.mark.parametrize("seed", SEEDS.values(), ids=SEEDS)

GENERATORS = {
    "Generator": lambda: np.random.default_rng(0),
    "RandomState": lambda: np.random.RandomState(0),
    "BitGenerator": lambda: np.random.PCG64(0),
    "numpy.random": lambda: np.random,
}
every_generator = pytest.mark.parametrize("generator", GENERATORS.values(), ids=GENERATORS)


def make(kind, seed):
    return kind(**ARGUMENTS.get(kind.__name__, {}), seed=seed)


def draw(initializer, dtype="float64"):
    return initializer(SHAPES.get(type(initializer).__name__, (4, 4)), dtype)


def written(member):
    """Return a configuration as a file holds it."""
    error = outcome(lambda: json.dumps(member.get_config()))
    assert error is None, f"not written: {error}"
    return json.loads(json.dumps(member.get_config()))


def test_the_classes_are_those_of_the_registry():
    assert len(SEEDED) == 21
    assert all(draw(make(kind, 0)).size for kind in SEEDED.values())


@every_seed
@every_class
def test_field_N3_an_initializer_with_any_seed_is_written_and_read(kind, seed):
    assert outcome(lambda: make(kind, seed())) is None
    initializer = make(kind, seed())
    if isinstance(initializer.seed, streams.Replay) and hasattr(kind, "_law"):
        assert_refused(lambda: draw(initializer, "float32"), TypeError, "rng: expected one of")
        return
    config = written(initializer)
    for twin in (kind.from_config(config), initializer.clone(), copy.deepcopy(initializer)):
        assert twin == initializer
        assert hash(twin) == hash(initializer)
    description = json.dumps(initializers.serialize(make(kind, seed())))
    for dtype in ("float32", "float64"):
        twin = initializers.deserialize(json.loads(description))
        assert draw(twin, dtype).tobytes() == draw(make(kind, seed()), dtype).tobytes()


@every_generator
@every_class
def test_field_N3_generators_as_seeds_are_refused_when_written(kind, generator):
    initializer = make(kind, generator())
    assert_refused(initializer.get_config, TypeError, "seed: expected", "consumed")
    assert_refused(lambda: initializers.serialize(initializer), TypeError, "seed: expected")
    # All else goes on: they are shown, compared, and drawn from.
    assert kind.__name__ in repr(initializer)
    assert initializer == copy.copy(initializer)


def test_a_list_and_an_array_are_the_same_seed():
    listed, array = initializers.HeNormal(seed=[1, 2]), initializers.HeNormal(seed=np.array([1, 2]))
    assert listed == array
    assert written(array)["seed"] == [1, 2]


def test_field_N3_an_array_that_changes_changes_no_seed():
    seed = np.array([1, 2])
    initializer = initializers.HeNormal(seed=seed)
    before = draw(initializer)
    seed[0] = 9
    assert np.array_equal(draw(initializer), before)


def network(seed):
    """A network with initializers of this seed wherever it takes one."""
    return fanin.Sequential(
        [
            layers.Input((4,)),
            layers.Dense(
                6,
                kernel_initializer=initializers.HeNormal(seed=seed),
                bias_initializer=initializers.RandomNormal(seed=seed),
            ),
            layers.BatchNormalization(
                gamma_initializer=initializers.RandomUniform(0.5, 1.0, seed=seed),
                beta_initializer=initializers.TruncatedNormal(seed=seed),
            ),
            layers.Dense(1, kernel_initializer=initializers.Orthogonal(seed=seed)),
        ],
        rng=0,
    )


def initializers_of(model):
    return [
        getattr(layer, name)
        for layer in model.layers
        for name in vars(layer)
        if name.endswith("_initializer")
    ]


@every_seed
def test_field_N3_models_with_any_seed_are_saved_and_cloned(seed, tmp_path):
    assert outcome(lambda: network(seed())) is None
    model = network(seed())
    model.compile("sgd", "mse")
    error = outcome(lambda: model.save(tmp_path / "model.npz"))
    assert error is None, f"not saved: {error}"
    loaded = fanin.models.load_model(tmp_path / "model.npz")
    assert all(map(np.array_equal, loaded.get_weights(), model.get_weights()))
    cloned = fanin.models.clone_model(model)
    if not isinstance(seed(), streams.TorchCpu):  # which a model that is built draws from
        assert initializers_of(loaded) == initializers_of(model)
        assert initializers_of(cloned) == initializers_of(model)
    # What is consumed is copied where it stood.
    again = fanin.models.clone_model(model)
    cloned.build()
    again.build()
    assert all(map(np.array_equal, cloned.get_weights(), again.get_weights()))


@pytest.mark.parametrize("seed", [SEEDS[name] for name in SEEDS if name != "tuple"])
def test_field_N3_a_checkpoint_is_written_with_any_seed(seed, tmp_path):
    assert outcome(lambda: network(seed())) is None
    model = network(seed())
    model.compile("sgd", "mse")
    saving = callbacks.ModelCheckpoint(tmp_path / "{epoch}.npz")
    error = outcome(lambda: model.fit(X, X[:, :1], epochs=2, verbose=0, callbacks=[saving]))
    assert error is None, f"training ended: {error}"
    loaded = fanin.models.load_model(tmp_path / "2.npz")
    assert all(map(np.array_equal, loaded.get_weights(), model.get_weights()))


@every_generator
def test_a_model_with_a_generator_as_a_seed_is_refused_when_saved(generator, tmp_path):
    model = network(generator())
    model.build()
    assert_refused(lambda: model.save(tmp_path / "model.npz"), (TypeError, ValueError), "seed")
    assert list(tmp_path.iterdir()) == []


DAMAGED = {
    "leading zero": {"seed": "05", "path": ""},
    "no number": {"seed": "five", "path": ""},
    "digits of another script": {"seed": "\u0663", "path": ""},
    "nothing": {"seed": "", "path": ""},
    "negative": {"seed": "-1", "path": ""},
    "another framework": {"replay": "tensorflow"},
    "no words": {"replay": "jax"},
    "one word": {"replay": "jax", "words": [1]},
    "half a word": {"replay": "jax", "words": [1, 2.5]},
    "a word too large": {"replay": "jax", "words": [1, 2**32]},
    "a short state": {"replay": "torch_cpu", "state": [1, 2]},
    "a place that is none": {"replay": "torch_cpu", "state": [1] * 624 + [700]},
    "a spare number that is none": {
        "replay": "torch_cpu",
        "state": [1] * 624 + [0],
        "spare": float("nan"),
    },
}


@pytest.mark.parametrize("config", DAMAGED.values(), ids=DAMAGED)
@every_class
def test_field_R8_a_damaged_seed_is_a_value_error(kind, config):
    assert_refused(lambda: make(kind, config), ValueError, "seed: expected")


def test_field_N3_the_public_function_and_its_inverse():
    config_of = getattr(fanin.random, "config_of", None)
    assert config_of is not None
    assert config_of(None) is None
    assert type(config_of(np.int64(5))) is int
    assert config_of(np.arange(3)) == [0, 1, 2]
    assert config_of(Stream([1, 2], "a")) == {"seed": "1,2", "path": "a"}
    for make_seed in SEEDS.values():
        found = json.loads(json.dumps(config_of(make_seed())))
        assert found is not None
        same = fanin.random.resolve(make_seed())
        assert fanin.random.resolve(found) == same
        assert config_of(found) == found
    assert fanin.random.resolve({"seed": [1, 2], "path": "a"}) == Stream([1, 2], "a")
    for generator in GENERATORS.values():
        assert_refused(lambda g=generator: config_of(g()), TypeError, "seed: expected")
