"""Losses of errors, margins and focus: values, limits, names, training, what is refused."""

import fanin
import numpy as np
import pytest
from fanin import losses
from fanin.errors import ShapeError
from fanin.losses import _outputs

INF, NAN = np.inf, np.nan
RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 3))


@pytest.mark.parametrize(
    ("loss", "y_true", "y_pred", "expected"),
    [
        (losses.Huber(2.0), [[0.0, 0.0]], [[1.0, -3.0]], (0.5 + 4.0) / 2),
        (losses.LogCosh(), [[0.0]], [[1000.0]], 1000.0 - np.log(2)),
        (losses.LogCosh(), [[0.0]], [[1e-6]], 5e-13),  # without cancellation
        (losses.MeanAbsolutePercentageError(), [[0.0]], [[1.0]], 1e9),
        (losses.Hinge(), [[0.0, 1.0]], [[0.5, 0.5]], 1.0),
        (losses.CosineSimilarity(), [[1.0, 1.0]], [[0.0, 0.0]], 0.0),
        (losses.MeanPinballLoss(0.25), [[1.0, 1.0]], [[0.0, 2.0]], 0.5),
        (losses.KLDivergence(), [[0.0, 1.0]], [[0.0, 1.0]], 0.0),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_values(loss, y_true, y_pred, expected):
    assert loss(y_true, y_pred) == pytest.approx(expected, rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "name", ["huber", "log_cosh", "hinge", "squared_hinge", "poisson", "mape", "msle"]
)
def test_infinite_and_missing_outputs(name, dtype):
    """An infinite output is infinitely wrong, and NaN stays what it is, in value and gradient."""
    loss = losses.resolve(name)
    far = np.array([[-INF if "hinge" in name else INF]], dtype)
    # Of a Poisson's mean that is infinite, IEEE says infinity less infinity.
    assert loss([[1.0]], far) == INF or name == "poisson"
    assert np.isnan(loss([[1.0]], np.array([[NAN]], dtype)))
    assert np.isnan(loss.value_and_gradient([[1.0]], np.array([[NAN]], dtype))[1]).all()


def test_poisson_of_a_negative_mean_is_none():
    assert np.isnan(losses.Poisson()([[1.0]], [[-1.0]]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_focal_losses_know_the_limits_of_logits(dtype):
    binary = losses.BinaryFocalCrossentropy(from_logits=True)
    for logit, target, value, slope in (
        (INF, 1, 0, 0),
        (-INF, 0, 0, 0),
        (INF, 0, INF, 1),
        (-INF, 1, INF, -1),
    ):
        found = binary.value_and_gradient([[float(target)]], np.array([[logit]], dtype))
        assert found == (value, slope)
    classes = losses.CategoricalFocalCrossentropy(from_logits=True)
    right, dy = classes.value_and_gradient([[1.0, 0.0]], np.array([[INF, 0.0]], dtype))
    assert (right, dy.tolist()) == (0.0, [[0.0, 0.0]])
    # Far from 0 a probability would be clipped; the logit is not.
    assert binary([[0.0]], np.array([[60.0]], dtype)) == pytest.approx(60.0, rel=1e-6)


def test_focal_losses_without_focus_are_crossentropies():
    p, y = RNG.uniform(0.1, 0.9, (5, 4)), np.eye(4)[RNG.integers(0, 4, 5)]
    np.testing.assert_allclose(
        losses.binary_focal_crossentropy(y, p, gamma=0),
        losses.binary_crossentropy(y, p),
        rtol=1e-14,
    )
    np.testing.assert_allclose(
        losses.categorical_focal_crossentropy(y, p, alpha=1, gamma=0),
        losses.categorical_crossentropy(y, p),
        rtol=1e-14,
    )


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("MAPE", losses.MeanAbsolutePercentageError),
        ("msle", losses.MeanSquaredLogarithmicError),
        ("kld", losses.KLDivergence),
        ("kullback_leibler_divergence", losses.KLDivergence),
        ("logcosh", losses.LogCosh),
        ("KLDivergence", losses.KLDivergence),
        ("kl_divergence", losses.KLDivergence),
        (losses.huber, losses.Huber),
    ],
)
def test_names(name, cls):
    assert type(losses.resolve(name)) is cls


def test_names_of_objects_are_those_of_keras():
    assert losses.Huber().name == "huber_loss"
    assert losses.LogCosh().name == "log_cosh"


def test_a_mean_by_weights():
    loss = losses.MeanAbsoluteError("mean_with_sample_weight")
    y, p = np.zeros((2, 1)), np.array([[1.0], [3.0]])
    assert loss(y, p) == 2.0
    assert loss(y, p, sample_weight=[3.0, 1.0]) == 1.5
    assert loss(y, p, sample_weight=[0.0, 0.0]) == 0.0
    assert loss.value_and_gradient(y, p, [3.0, 1.0])[1].tolist() == [[0.75], [0.25]]
    model = fanin.Sequential([fanin.layers.Dense(1)])
    with pytest.raises(ValueError, match="reduction='mean_with_sample_weight'"):
        model.compile("sgd", loss)


# A last activation and targets for each.
FITS = {
    "huber": (None, X[:, :2]),
    "log_cosh": (None, X[:, :2]),
    "mape": (None, 2 + X[:, :2] ** 2),
    "msle": ("softplus", X[:, :2] ** 2),
    "poisson": ("softplus", RNG.poisson(2.0, (64, 2))),
    "kl_divergence": ("softmax", np.tile([0.3, 0.7], (64, 1))),
    "cosine_similarity": (None, X[:, :2]),
    "mean_pinball_loss": (None, X[:, :2]),
    "hinge": ("tanh", np.sign(X[:, :2])),
    "squared_hinge": ("tanh", np.sign(X[:, :2])),
    "categorical_hinge": (None, np.eye(2)[(X[:, 0] > 0).astype(int)]),
    "binary_focal_crossentropy": ("sigmoid", X[:, :2] > 0),
    "categorical_focal_crossentropy": ("softmax", np.eye(2)[(X[:, 0] > 0).astype(int)]),
}


@pytest.mark.parametrize("name", FITS)
def test_training_goes_down(name, recwarn):
    activation, y = FITS[name]
    model = fanin.Sequential(
        [fanin.layers.Dense(8, "tanh"), fanin.layers.Dense(2, activation)], rng=0
    )
    model.compile(fanin.optimizers.Adam(0.01), name)
    history = model.fit(X, y, epochs=20, batch_size=16, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    found = losses.resolve(name)(y.astype("float32"), model.predict(X, verbose=0))
    assert model.evaluate(X, y, verbose=0) == pytest.approx(found, rel=1e-5)
    assert not recwarn.list


def test_all_losses_have_a_row():
    names = {losses.resolve(name).kind for name in FITS}
    assert names == {kind for kind in losses._CLASS_OF if kind not in losses._EAGER}


@pytest.mark.parametrize(
    ("loss", "last", "words"),
    [
        (losses.KLDivergence(), "linear", "kl_divergence takes probabilities"),
        (losses.Poisson(), "tanh", "may be negative"),
        (
            losses.BinaryFocalCrossentropy(),
            "linear",
            "binary_focal_crossentropy takes probabilities",
        ),
        (losses.CategoricalFocalCrossentropy(), "relu", "takes probabilities"),
        (losses.CategoricalFocalCrossentropy(from_logits=True), "softmax", "applies it once more"),
    ],
)
def test_doubts(loss, last, words):
    doubt = _outputs.doubt(loss, [{"kind": "dense", "activation": {"kind": last}}], 3)
    assert doubt is not None
    assert words in doubt


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: losses.Huber(0), ValueError, "delta: expected a number above 0, found 0"),
        (lambda: losses.Huber(delta="x"), TypeError, "delta: expected a number"),
        (lambda: losses.MeanPinballLoss(1.5), ValueError, "alpha: expected a number"),
        (lambda: losses.BinaryFocalCrossentropy(gamma=-1), ValueError, "gamma: expected"),
        (lambda: losses.CategoricalFocalCrossentropy(alpha=[1, 2]), TypeError, "alpha: expected"),
        (lambda: losses.CosineSimilarity(axis=1), ValueError, "axis: expected -1"),
        (lambda: losses.huber([[1.0]], [[1.0, 2.0]]), ShapeError, "y_true: expected the shape"),
        (lambda: losses.hinge([[NAN]], [[1.0]]), ValueError, "y_true"),
        (lambda: losses.binary_focal_crossentropy([[2.0]], [[0.5]]), ValueError, "from 0 to 1"),
        (
            lambda: losses.categorical_focal_crossentropy([[1.0]], [[0.5]]),
            ShapeError,
            "use 'binary_focal_crossentropy'",
        ),
        (
            lambda: losses.categorical_hinge([0, 1], [[0.5, 1.0], [1.0, 2.0]]),
            ShapeError,
            "use utils.to_categorical",
        ),
        (lambda: losses.get("hubr"), ValueError, "did you mean 'huber'"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
