"""The tables of docs/initializers.md against torch, Keras and JAX themselves."""

import math
import os
import re

import numpy as np
import pytest
from fanin import initializers
from fanin.initializers import Orthogonal, VarianceScaling
from fanin.initializers._elsewhere import TABLE, elsewhere
from initializer_page import SHAPE, rows

os.environ.setdefault("KERAS_BACKEND", "jax")
torch = pytest.importorskip("torch")
keras = pytest.importorskip("keras")
jax = pytest.importorskip("jax")

UNBOUNDED = 3.6  # a normal of 150,000 values goes further than this many std


def from_torch(call, shape, *arguments, **options):
    """Draw with torch, in its own layout, and return ours."""
    t = torch.empty(*shape[::-1], dtype=torch.float64)
    torch.manual_seed(1)
    if call == "Linear.reset_parameters":
        layer = torch.nn.Linear(*shape, dtype=torch.float64)
        return layer.weight.detach().numpy().T
    return getattr(torch.nn.init, call)(t, *arguments, **options).numpy().T


def from_keras(call, shape, *arguments, **options):
    made = getattr(keras.initializers, call)(*arguments, seed=1, **options)
    return np.asarray(made(shape), dtype="float64")


def from_jax(call, shape, *arguments, **options):
    made = getattr(jax.nn.initializers, call)(*arguments, **options)
    return np.asarray(made(jax.random.key(1), shape), dtype="float64")


DRAW = {"torch": from_torch, "Keras": from_keras, "JAX": from_jax}
TABLED = [
    pytest.param(name, framework, id=f"{name}-{framework}")
    for name, rows in TABLE.items()
    for framework, _, facts, _ in rows
    if facts is not None and name not in ("Zeros", "Ones", "Constant")
]


@pytest.mark.parametrize(("name", "framework"), TABLED)
def test_a_framework_draws_what_the_table_says(name, framework):
    fans = tuple(float(n) for n in SHAPE)
    (row,) = (row for row in elsewhere(name, fans, 2) if row.framework == framework)
    w = DRAW[framework](row.call, SHAPE)
    assert w.shape == SHAPE
    same_as(w, row.facts)


def same_as(w, facts):
    std = math.sqrt(facts.variance)
    assert abs(w.mean() - facts.mean) < 4.5 * std / math.sqrt(w.size)
    assert abs(w.var() / facts.variance - 1) < 4.5 * math.sqrt(2 / w.size)
    if math.isfinite(facts.high):
        assert facts.low - 1e-6 * std <= w.min()
        assert w.max() <= facts.high + 1e-6 * std
        assert w.max() - facts.mean > 0.99 * (facts.high - facts.mean)
    else:
        assert w.max() - facts.mean > UNBOUNDED * std


TORCH_NAMES = (
    "uniform_ normal_ trunc_normal_ xavier_uniform_ xavier_normal_ kaiming_uniform_ kaiming_normal_"
)


@pytest.mark.parametrize("name", TORCH_NAMES.split())
def test_torchs_names_mean_what_torch_means(name):
    theirs, ours = from_torch(name, SHAPE), initializers.get(name)
    same_as(theirs, ours.explain(SHAPE))
    same_as(ours(SHAPE, "float64", rng=1), ours.explain(SHAPE))


@pytest.mark.parametrize("slope", [0.0, 0.2, math.sqrt(5)])
@pytest.mark.parametrize("mode", ["fan_in", "fan_out"])
def test_leaky_slopes(slope, mode):
    theirs = from_torch("kaiming_normal_", SHAPE, a=slope, mode=mode)
    ours = initializers.HeNormal(negative_slope=slope, mode=mode, truncated=False)
    same_as(theirs, ours.explain(SHAPE))


@pytest.mark.parametrize("shape", [(5,), (784, 128), (3, 7, 11), (3, 5, 7, 11), (2, 3, 4, 5, 6)])
def test_fans_of_torch_and_keras(shape):
    from keras.src.initializers.random_initializers import compute_fans

    found = VarianceScaling().explain(shape)
    assert (found.fan_in, found.fan_out) == compute_fans(shape)
    if len(shape) < 2:
        with pytest.raises(ValueError, match="fewer than 2 dimensions"):
            torch.nn.init._calculate_fan_in_and_fan_out(torch.empty(*shape))
        return
    theirs = torch.nn.init._calculate_fan_in_and_fan_out(torch.empty(*shape))
    found = VarianceScaling(in_axis=1, out_axis=0).explain(shape)
    assert (found.fan_in, found.fan_out) == theirs


@pytest.mark.parametrize(
    ("inputs", "outputs", "batch"),
    [(-2, -1, ()), (0, 1, ()), ((0, 1), -1, ()), (1, (2, 3), 0), (-1, 0, (1, 2))],
)
def test_fans_by_the_axes_of_jax(inputs, outputs, batch):
    from jax._src.nn.initializers import _compute_fans

    shape = (3, 5, 7, 11)
    found = VarianceScaling(in_axis=inputs, out_axis=outputs, batch_axis=batch).explain(shape)
    assert (found.fan_in, found.fan_out) == _compute_fans(shape, inputs, outputs, batch)


def test_fans_by_the_axes_of_keras():
    theirs = keras.initializers.GlorotUniform(input_axes=[0], output_axes=[1, 2])
    ours = initializers.deserialize({"class_name": "GlorotUniform", "config": theirs.get_config()})
    found = ours.explain((60, 40, 50, 9))
    assert (found.fan_in, found.fan_out) == (60, 2000)
    same_as(np.asarray(theirs((60, 40, 50, 9)), "float64"), found)


@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg", "fan_geo_avg"])
@pytest.mark.parametrize("kind", ["truncated_normal", "normal", "uniform"])
def test_variance_scaling_of_jax(mode, kind):
    theirs = from_jax("variance_scaling", SHAPE, 0.7, mode, kind)
    ours = VarianceScaling(0.7, mode, "untruncated_normal" if kind == "normal" else kind)
    same_as(theirs, ours.explain(SHAPE))


@pytest.mark.parametrize("groups", [1, 2, 3])
@pytest.mark.parametrize("shape", [(6, 2, 3), (6, 4, 3, 4), (12, 2, 2, 3, 3)])
def test_dirac(groups, shape):
    theirs = torch.nn.init.dirac_(torch.empty(*shape), groups).numpy()
    out, inputs, *field = shape
    ours = initializers.Dirac(groups)((*field, inputs, out))
    np.testing.assert_array_equal(np.moveaxis(ours, (-1, -2), (0, 1)), theirs)


def test_delta_orthogonal_stands_where_jax_puts_it():
    for shape in ((4, 2, 3), (3, 4, 2, 3), (2, 3, 4, 3, 3)):
        theirs = from_jax("delta_orthogonal", shape)
        ours = initializers.DeltaOrthogonal()(shape, rng=1)
        np.testing.assert_array_equal(theirs != 0, ours != 0)
    with pytest.raises(ValueError, match="fan_in"):
        from_jax("delta_orthogonal", (3, 4, 2))


def test_flattenings_of_orthogonal():
    shape = (4, 3, 8)
    t = torch.nn.init.orthogonal_(torch.empty(*shape, dtype=torch.float64)).numpy()
    rows = t.reshape(4, -1)
    np.testing.assert_allclose(rows @ rows.T, np.eye(4), atol=1e-12)
    ours = Orthogonal(flatten="trailing")(shape, "float64", rng=0).reshape(4, -1)
    np.testing.assert_allclose(ours @ ours.T, np.eye(4), atol=1e-12)
    for draw in (lambda: from_keras("Orthogonal", shape), lambda: from_jax("orthogonal", shape)):
        columns = draw().reshape(-1, 8)
        np.testing.assert_allclose(columns.T @ columns, np.eye(8), atol=1e-5)
    columns = Orthogonal()(shape, "float64", rng=0).reshape(-1, 8)
    np.testing.assert_allclose(columns.T @ columns, np.eye(8), atol=1e-12)


def test_sparse_zeros_by_columns():
    theirs = torch.nn.init.sparse_(torch.empty(50, 40), 0.33).numpy()
    ours = initializers.Sparse(0.33)((50, 40), rng=0)
    np.testing.assert_array_equal((theirs == 0).sum(axis=0), (ours == 0).sum(axis=0))


def test_scikit_learn():
    from sklearn.neural_network import MLPClassifier

    x, y = np.random.default_rng(0).normal(size=(40, 500)), np.arange(40) % 2
    for activation in ("relu", "logistic", "tanh", "identity"):
        net = MLPClassifier((300,), activation=activation, max_iter=1, learning_rate_init=1e-12)
        with pytest.warns(match="Maximum iterations"):
            net.fit(x, y)
        facts = initializers.SklearnDefault(activation).explain(SHAPE)
        same_as(net.coefs_[0], facts)
        bias = initializers.SklearnDefault(activation, fan_in=500, fan_out=300).explain((300,))
        assert abs(net.intercepts_[0]).max() <= bias.high
        assert abs(net.intercepts_[0]).max() > 0.95 * bias.high


def test_bfloat16_is_the_type_of_jax():
    w = initializers.HeNormal()((64, 32), jax.numpy.bfloat16, rng=0)
    assert w.dtype == jax.numpy.bfloat16
    exact = initializers.HeNormal()((64, 32), rng=0)
    np.testing.assert_array_equal(w, np.asarray(jax.numpy.asarray(exact).astype("bfloat16")))


@pytest.mark.parametrize("framework", ["torch", "Keras", "JAX"])
@pytest.mark.parametrize("options", [{"groups": 4}, {"transposed": True}])
def test_what_others_draw_for_grouped_and_transposed_kernels(framework, options):
    shape = (5, 5, 40, 160)  # (height, width, in / groups, out); transposed: (…, out, in)
    found = initializers.HeNormal(**options).explain(shape)
    (row,) = (row for row in found.elsewhere if row.framework == framework)
    if framework == "torch":  # its layouts: (out, in / groups, …) and (in, out / groups, …)
        t = torch.empty(160, 40, 5, 5, dtype=torch.float64)
        w = torch.nn.init.kaiming_normal_(t).numpy()
    else:
        w = DRAW[framework](row.call, shape)
    same_as(w, row.facts)


# Every row of the page, drawn by the package that it is about.


def theirs(row):
    """Draw what a row names, with its own package and in our layout."""
    call = row.name.split(", ")[0] if row.package == "Others" else row.name
    if call == "its bias":
        torch.manual_seed(1)
        layers = [torch.nn.Linear(784, 1000, dtype=torch.float64) for _ in range(100)]
        return np.concatenate([layer.bias.detach().numpy() for layer in layers])
    if row.package == "torch":
        return draw_torch(call, row.shape)
    if row.package == "Keras":
        return np.asarray(getattr(keras.initializers, call)()(row.shape))
    if row.package == "JAX":
        function = eval(f"init.{call}", {"init": jax.nn.initializers})
        made = function if call in ("zeros", "ones") or "(" in call else function()
        return np.asarray(made(jax.random.key(1), row.shape))
    if call.startswith("randn"):
        scope = {"randn": np.random.RandomState(1).randn, "sqrt": math.sqrt, "i": 500, "o": 300}
        return eval(row.name.split(', "')[0], scope)
    from sklearn.neural_network import MLPClassifier

    network = MLPClassifier(**({"activation": "logistic"} if "logistic" in call else {}))
    network._random_state = np.random.RandomState(1)
    weights, bias = network._init_coef(*row.shape, np.float64)
    assert abs(bias).max() <= row.bound
    return weights


def draw_torch(call, shape):
    if call == "Linear.reset_parameters":
        return from_torch(call, shape)
    name, options = re.fullmatch(r"(\w+)(?:\(t, (.*)\))?", call).groups()
    order = (-1, -2, *range(len(shape) - 2))  # torch's (out, in, ...)
    t = torch.empty(*np.empty(shape).transpose(order).shape, dtype=torch.float64)
    torch.manual_seed(1)
    eval(
        f"fill(t{', ' + options if options else ''})",
        {"fill": getattr(torch.nn.init, name), "t": t},
    )
    return np.moveaxis(t.numpy(), (0, 1), (-1, -2))


@pytest.mark.parametrize(
    "row", [row for row in rows() if "ZerO" not in row.name], ids=lambda row: row.id
)
def test_a_row_of_the_page_is_what_its_package_draws(row):
    from scipy import stats

    w, ours = theirs(row), eval(row.call, vars(initializers))
    shape = w.shape
    random = row.variance or "orthogonal" in row.name.lower()
    if not random:
        np.testing.assert_array_equal(w, ours(shape, rng=1))
        return
    mine = ours(shape, "float64", rng=1)
    assert stats.ks_2samp(w.reshape(-1), mine.reshape(-1)).pvalue > 1e-6
    if row.variance:
        second_moment = row.variance + ours.explain(shape).mean ** 2
        n = w.size / 10 if "Sparse" in row.call else w.size
        assert abs((w**2).mean() / second_moment - 1) < 4.5 * math.sqrt(2 / n)
        assert abs(w).max() <= row.bound * (1 + 1e-4)
        if math.isfinite(row.bound):
            assert abs(w).max() > 0.99 * row.bound
