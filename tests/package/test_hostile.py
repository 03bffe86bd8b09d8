"""Bad input gets one clear exception of the kind it deserves, and nothing is lost or half-written.

One table of calls that must be refused. Those on a model run on a trained one, which must be
untouched and go on afterwards. A panic of the core would be a `PanicException`, which is no
`Exception`.
"""

import fanin
import numpy as np
import pytest
from fanin import activations, callbacks, initializers, layers, losses, metrics, optimizers
from fanin.errors import ShapeError
from refusals import refused

HUGE = (2**40, 2**40)


def fresh():
    stack = [
        layers.Dense(6, activation="relu", input_shape=(5,)),
        layers.BatchNormalization(),
        layers.Dense(3, activation="softmax"),
    ]
    model = fanin.Sequential(stack, rng=0)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(X, Y, epochs=1, verbose=0, rng=0)
    return model


RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 5)).astype("float32"), RNG.integers(0, 3, 40)


def spoiled(value, where=(17, 2)):
    x = X.copy()
    x[where] = value
    return x


def labels(value):
    y = Y.copy()
    y[11] = value
    return y


def replaced(index, value):
    """The model's weights with one of them exchanged."""

    def weights(model):
        kept = model.get_weights()
        kept[index] = value
        return kept

    return weights


def fit(x=X, y=Y, **options):
    return lambda m: m.fit(x, y, **{"verbose": 0, **options})


# What is done with the model, the exception, and words that the message must have.
ON_A_MODEL = {
    # shapes
    "x of another width": (fit(X[:, :4]), ShapeError, "x.*5.*4"),
    "x without rows' axis": (fit(X[0]), ShapeError, "x"),
    "x of another rank": (fit(np.stack([X, X], axis=2)), ShapeError, "x"),
    "x and y of different lengths": (fit(X, Y[:-1]), ShapeError, "40.*39|39.*40"),
    "x empty": (fit(X[:0], Y[:0]), ValueError, "x"),
    "x a number": (fit(3.0), ShapeError, "x"),
    "predict another width": (lambda m: m.predict(X[:, :4], verbose=0), ShapeError, "5.*4"),
    "predict no rows' axis": (lambda m: m.predict(X[0], verbose=0), ShapeError, "x"),
    "evaluate another length": (
        lambda m: m.evaluate(X, Y[:3], verbose=0),
        ShapeError,
        "40.*3|3.*40",
    ),
    "evaluate empty": (lambda m: m.evaluate(X[:0], Y[:0], verbose=0), ValueError, "x"),
    "call another width": (lambda m: m(X[:, :3]), ShapeError, "5.*3"),
    "sample_weight too short": (fit(sample_weight=np.ones(39)), ShapeError, "sample_weight"),
    "sample_weight of two axes": (fit(sample_weight=np.ones((40, 2))), ShapeError, "sample_weight"),
    "validation_data of another width": (
        fit(validation_data=(X[:, :2], Y)),
        ShapeError,
        "validation_data",
    ),
    "validation_data not a pair": (
        fit(validation_data=X),
        (ValueError, TypeError),
        "validation_data",
    ),
    # values
    "x with NaN": (fit(spoiled(np.nan)), ValueError, r"x.*17"),
    "x with infinity": (fit(spoiled(np.inf)), ValueError, r"x.*17"),
    "x too large for float32": (fit(X.astype("float64") * 1e300), ValueError, "x"),
    "predict NaN": (lambda m: m.predict(spoiled(np.nan), verbose=0), ValueError, "17"),
    "evaluate NaN": (lambda m: m.evaluate(spoiled(np.nan), Y, verbose=0), ValueError, "17"),
    "sample_weight with NaN": (
        fit(sample_weight=np.where(np.arange(40) == 7, np.nan, 1.0)),
        ValueError,
        "sample_weight",
    ),
    "class_weight of no class": (fit(class_weight={0: 1.0, 7: 2.0}), ValueError, "class_weight"),
    "class_weight NaN": (fit(class_weight={0: np.nan, 1: 1, 2: 1}), ValueError, "class_weight"),
    "label too large": (fit(y=labels(3)), ValueError, "(?s)y.*3"),
    "label negative": (fit(y=labels(-1)), ValueError, "(?s)y.*-1"),
    "label fractional": (fit(y=Y + 0.5), (ValueError, TypeError), "y"),
    "label NaN": (fit(y=np.where(np.arange(40) == 3, np.nan, Y)), ValueError, "y"),
    "labels one-hot for a sparse loss": (
        fit(y=np.eye(3)[Y]),
        ValueError,
        "categorical_crossentropy",
    ),
    "evaluate a label too large": (lambda m: m.evaluate(X, labels(3), verbose=0), ValueError, "y"),
    # types
    "x complex": (fit(X.astype("complex64")), TypeError, "x.*complex"),
    "x objects": (
        fit(np.full((40, 5), None)),
        TypeError,
        "x",
    ),
    "x strings": (fit(np.full((40, 5), "a")), TypeError, "x"),
    "x dates": (fit(np.zeros((40, 5), "datetime64[s]")), TypeError, "x"),
    "x ragged": (fit([[1.0], [1.0, 2.0]]), (ValueError, TypeError), "x"),
    "x None": (fit(None), (ValueError, TypeError), "x"),
    "y None": (fit(y=None), (ValueError, TypeError), "y"),
    "y strings": (fit(y=np.full(40, "cat")), TypeError, "y"),
    # settings
    "batch_size 0": (fit(batch_size=0), ValueError, "batch_size"),
    "batch_size -3": (fit(batch_size=-3), ValueError, "batch_size"),
    "batch_size 1.5": (fit(batch_size=1.5), (ValueError, TypeError), "batch_size"),
    "batch_size a string": (fit(batch_size="32"), (ValueError, TypeError), "batch_size"),
    "epochs -1": (fit(epochs=-1), ValueError, "epochs"),
    "epochs 1.5": (fit(epochs=1.5), (ValueError, TypeError), "epochs"),
    "validation_split 1": (fit(validation_split=1.0), ValueError, "validation_split"),
    "validation_split -0.1": (fit(validation_split=-0.1), ValueError, "validation_split"),
    "validation_split NaN": (fit(validation_split=np.nan), ValueError, "validation_split"),
    "validation_split of less than a row": (
        fit(X[:1], Y[:1], validation_split=0.5),
        ValueError,
        "validation_split",
    ),
    "threads 0": (fit(threads=0), ValueError, "threads"),
    "rng negative": (fit(rng=-1), ValueError, "rng|seed"),
    "rng a string": (fit(rng="abc"), (ValueError, TypeError), "rng|seed"),
    "an unknown argument": (fit(epoch=3), TypeError, "epoch"),
    "a callback that is none": (fit(callbacks=["x"]), (ValueError, TypeError), "callback"),
    "predict batch_size 0": (lambda m: m.predict(X, batch_size=0), ValueError, "batch_size"),
    # names
    "optimizer unknown": (lambda m: m.compile("adma", "mse"), ValueError, "adma.*adam"),
    "loss unknown": (
        lambda m: m.compile("adam", "mean_square_error"),
        ValueError,
        "mean_squared_error",
    ),
    "metric unknown": (
        lambda m: m.compile("adam", "mse", metrics=["acuracy"]),
        ValueError,
        "accuracy",
    ),
    # weights
    "weights one too few": (lambda m: m.set_weights(m.get_weights()[:-1]), ValueError, "8.*7"),
    "weights none": (lambda m: m.set_weights([]), ValueError, "8.*0"),
    "weight of another shape": (
        lambda m: m.set_weights(replaced(-1, np.zeros(4))(m)),
        ShapeError,
        r"\(3,\).*\(4,\)|\(4,\).*\(3,\)",
    ),
    "weight transposed": (
        lambda m: m.set_weights(replaced(0, np.zeros((6, 5)))(m)),
        ShapeError,
        r"\(5, 6\)",
    ),
    "weight of strings": (
        lambda m: m.set_weights(replaced(-2, np.full((6, 3), "a"))(m)),
        (TypeError, ValueError),
        "",
    ),
    "weight with NaN in it last": (
        lambda m: m.set_weights(replaced(-1, np.full(3, 1j))(m)),
        (TypeError, ValueError),
        "",
    ),
    "a weights file that is none": (
        lambda m: m.load_weights(__file__),
        (ValueError, OSError),
        "test_hostile",
    ),
    "a weights file that is not there": (
        lambda m: m.load_weights("/nowhere/at.all.weights.npz"),
        OSError,
        "nowhere",
    ),
    "a folder that is not there": (
        lambda m: m.save_weights("/nowhere/at.all.weights.npz"),
        OSError,
        "nowhere",
    ),
    "add to it a thing that is no layer": (
        lambda m: m.add("relu"),
        (TypeError, ValueError),
        "layer",
    ),
}


@pytest.mark.parametrize("name", ON_A_MODEL)
def test_a_model_refuses_and_is_untouched(name):
    call, kinds, words = ON_A_MODEL[name]
    model, twin = fresh(), fresh()
    refused(lambda: call(model), kinds, words)
    for mine, theirs in zip(model.get_weights(), twin.get_weights(), strict=True):
        assert np.array_equal(mine, theirs), "weights changed"
    # It goes on as if nothing had been: same optimizer memory, same compiled loss.
    for m in (model, twin):
        m.fit(X, Y, epochs=1, verbose=0, rng=1)
    for mine, theirs in zip(model.get_weights(), twin.get_weights(), strict=True):
        assert np.array_equal(mine, theirs), "training goes on differently"


init = initializers
WITHOUT_A_MODEL = {
    # layers
    "Dense of 0 units": (lambda: layers.Dense(0), ValueError, "units"),
    "Dense of -1 units": (lambda: layers.Dense(-1), ValueError, "units"),
    "Dense of 2.5 units": (lambda: layers.Dense(2.5), (TypeError, ValueError), "units"),
    "Dense of NaN units": (lambda: layers.Dense(np.nan), (TypeError, ValueError), "units"),
    "Dense of 'ten' units": (lambda: layers.Dense("ten"), (TypeError, ValueError), "units"),
    "Dense of an unknown activation": (lambda: layers.Dense(1, "rleu"), ValueError, "rleu.*relu"),
    "Dense of an unknown initializer": (
        lambda: layers.Dense(1, kernel_initializer="he_nrmal"),
        ValueError,
        "he_nrmal.*he_normal",
    ),
    "Dense of an unknown argument": (
        lambda: layers.Dense(1, kernel_initialiser="zeros"),
        TypeError,
        "kernel_initialiser.*kernel_initializer",
    ),
    "Dense of an unknown dtype": (
        lambda: layers.Dense(1, dtype="float8"),
        (TypeError, ValueError),
        "dtype",
    ),
    "absurd Dense": (
        lambda: layers.Dense(2**40).build((None, 2**40)),
        (MemoryError, ValueError),
        "",
    ),
    "absurd input": (
        lambda: fanin.Sequential([fanin.Input(HUGE), layers.Flatten(), layers.Dense(2)]).build(),
        (MemoryError, ValueError),
        "",
    ),
    "input of no width": (
        lambda: fanin.Sequential([fanin.Input((0,)), layers.Dense(2)]).build(),
        ValueError,
        "",
    ),
    "input of unknown width": (
        lambda: fanin.Sequential([fanin.Input((None,)), layers.Dense(2)]).build(),
        ValueError,
        "",
    ),
    "BatchNormalization on the wrong axis": (
        lambda: layers.BatchNormalization(axis=7).build((None, 3)),
        ValueError,
        "axis",
    ),
    "BatchNormalization momentum 1.5": (
        lambda: layers.BatchNormalization(momentum=1.5),
        ValueError,
        "momentum",
    ),
    "BatchNormalization epsilon 0": (
        lambda: layers.BatchNormalization(epsilon=0.0),
        ValueError,
        "epsilon",
    ),
    "BatchNormalization epsilon NaN": (
        lambda: layers.BatchNormalization(epsilon=np.nan),
        ValueError,
        "epsilon",
    ),
    "LeakyReLU of a negative slope NaN": (lambda: layers.LeakyReLU(np.nan), ValueError, "slope"),
    "one layer twice": (
        lambda: fanin.Sequential([d := layers.Dense(2, input_shape=(2,)), d]),
        ValueError,
        "",
    ),
    # initializers
    "absurd shape": (lambda: init.HeNormal()(HUGE), (MemoryError, ShapeError), ""),
    "absurd shape of zeros": (lambda: init.Zeros()(HUGE), (MemoryError, ShapeError), ""),
    "absurd orthogonal": (lambda: init.Orthogonal()(HUGE), (MemoryError, ShapeError), ""),
    "too large an array": (lambda: init.HeNormal()((2**22, 2**22)), (MemoryError, ShapeError), ""),
    "overflowing shape": (lambda: init.HeNormal()((2**63, 2)), (MemoryError, ValueError), ""),
    "negative shape": (lambda: init.HeNormal()((3, -1)), ValueError, "shape"),
    "fractional shape": (lambda: init.HeNormal()((3, 1.5)), (TypeError, ValueError), "shape"),
    "shape a string": (lambda: init.HeNormal()("abc"), (TypeError, ValueError), "shape"),
    "dtype int32": (lambda: init.HeNormal()((3, 3), "int32"), (TypeError, ValueError), "dtype"),
    "dtype complex": (lambda: init.HeNormal()((3, 3), complex), (TypeError, ValueError), "dtype"),
    "scale 0": (lambda: init.VarianceScaling(0.0), ValueError, "scale"),
    "scale -1": (lambda: init.VarianceScaling(-1.0), ValueError, "scale"),
    "scale NaN": (lambda: init.VarianceScaling(np.nan), ValueError, "scale"),
    "mode unknown": (lambda: init.VarianceScaling(1.0, "fan_inn"), ValueError, "fan_inn.*fan_in"),
    "distribution unknown": (
        lambda: init.VarianceScaling(1.0, "fan_in", "unifrom"),
        ValueError,
        "unifrom.*uniform",
    ),
    "deviation -1": (lambda: init.RandomNormal(stddev=-1.0), ValueError, "stddev"),
    "deviation infinite": (lambda: init.RandomNormal(stddev=np.inf), ValueError, "stddev"),
    "mean NaN": (lambda: init.RandomNormal(mean=np.nan), ValueError, "mean"),
    "uniform upside down": (lambda: init.RandomUniform(1.0, -1.0), ValueError, "minval"),
    "constant a string": (lambda: init.Constant("a")((2,)), (TypeError, ValueError), "value"),
    "seed -1": (lambda: init.HeNormal(seed=-1)((2, 2)), ValueError, "seed|rng"),
    "seed 1.5": (lambda: init.HeNormal(seed=1.5)((2, 2)), (TypeError, ValueError), "seed|rng"),
    "identity of one axis": (lambda: init.Identity()((3,)), ValueError, ""),
    "orthogonal of one axis": (lambda: init.Orthogonal()((3,)), ValueError, ""),
    "xavier_init of a negative shape": (lambda: fanin.xavier_init((3, -1)), ValueError, "shape"),
    "he_init of an absurd shape": (lambda: fanin.he_init(HUGE), (MemoryError, ShapeError), ""),
    # optimizers
    "learning rate -1": (lambda: optimizers.SGD(-1.0), ValueError, "learning_rate"),
    "learning rate NaN": (lambda: optimizers.Adam(np.nan), ValueError, "learning_rate"),
    "learning rate a string": (lambda: optimizers.Adam("fast"), (TypeError, ValueError), "rate"),
    "momentum 1.5": (lambda: optimizers.SGD(momentum=1.5), ValueError, "momentum"),
    "beta_1 of 1": (lambda: optimizers.Adam(beta_1=1.0), ValueError, "beta_1"),
    "rho -0.1": (lambda: optimizers.RMSprop(rho=-0.1), ValueError, "rho"),
    "epsilon -1": (lambda: optimizers.Adam(epsilon=-1.0), ValueError, "epsilon"),
    "two clippings": (lambda: optimizers.SGD(clipnorm=1.0, clipvalue=1.0), ValueError, "clip"),
    "clipnorm -1": (lambda: optimizers.SGD(clipnorm=-1.0), ValueError, "clipnorm"),
    "weight decay -1": (lambda: optimizers.SGD(weight_decay=-1.0), ValueError, "weight_decay"),
    # names
    "activation": (lambda: activations.get("sigmiod"), ValueError, "sigmiod.*sigmoid"),
    "initializer": (lambda: init.get("glorot_unifrom"), ValueError, "glorot_uniform"),
    "loss": (lambda: losses.get("categorical_crosentropy"), ValueError, "categorical_crossentropy"),
    "metric": (lambda: metrics.get("acuracy"), ValueError, "accuracy"),
    "optimizer": (lambda: optimizers.get("RMSpop"), ValueError, "(?i)rmsprop"),
    "a name that is like nothing": (lambda: init.get("qqqqq"), ValueError, "qqqqq"),
    "a thing that is no name": (lambda: init.get(3.5), (TypeError, ValueError), ""),
    # the rest
    "label_smoothing 2": (
        lambda: losses.CategoricalCrossentropy(label_smoothing=2.0),
        ValueError,
        "label_smoothing",
    ),
    "to_categorical of a negative label": (
        lambda: fanin.utils.to_categorical([0, -1]),
        ValueError,
        "-1",
    ),
    "to_categorical of too few classes": (
        lambda: fanin.utils.to_categorical([0, 5], num_classes=3),
        ValueError,
        "5",
    ),
    "0 threads": (lambda: fanin.utils.set_num_threads(0), ValueError, "n: expected"),
    "EarlyStopping mode": (lambda: callbacks.EarlyStopping(mode="best"), ValueError, "mode"),
    "an uncompiled fit": (
        lambda: fanin.Sequential([layers.Dense(2, input_shape=(5,))]).fit(X, Y),
        (ValueError, RuntimeError),
        "compile",
    ),
    "an empty model": (lambda: fanin.Sequential().predict(X), (ValueError, RuntimeError), ""),
}


@pytest.mark.parametrize("name", WITHOUT_A_MODEL)
def test_refused(name):
    refused(*WITHOUT_A_MODEL[name])


def test_a_batch_larger_than_anything_is_the_whole_set():
    """Not an error in Keras, and no reason to ask for the memory of 2^62 rows."""
    model = fresh()
    model.fit(X, Y, batch_size=2**62, verbose=0)
    whole = model.predict(X, batch_size=2**62, verbose=0)
    np.testing.assert_allclose(whole, model.predict(X, verbose=0), rtol=1e-5)


def test_no_epochs_are_no_training():
    model = fresh()
    before = model.get_weights()
    history = model.fit(X, Y, epochs=0, verbose=0)
    assert history.epoch == []
    assert all(map(np.array_equal, before, model.get_weights()))


def test_a_diverging_fit_ends_in_nan_and_not_in_a_crash():
    """Weights that overflow are a result to be seen in the history, not an exception."""
    model = fanin.Sequential([layers.Dense(50, "relu", input_shape=(5,)), layers.Dense(3)], rng=0)
    model.compile(optimizers.SGD(1e9), "mse")
    loss = model.fit(X, np.eye(3)[Y], epochs=20, verbose=0, rng=0).history["loss"]
    assert len(loss) == 20
    assert not np.isfinite(loss[-1])
