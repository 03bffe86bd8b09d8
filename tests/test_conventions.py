"""Every row of docs/initializers.md is true of what `fanin` draws, and none is missing."""

import math
from pathlib import Path

import numpy as np
import pytest
from fanin import initializers
from fanin.initializers import GlorotNormal, HeNormal, HeUniform, LecunNormal, VarianceScaling
from fanin.initializers._elsewhere import TABLE

PAGE = Path(__file__).parents[1] / "docs" / "initializers.md"
SHAPE, IN, OUT = (500, 300), 500, 300
CUT = 2 / 0.87962566103423978

# The call as the page writes it, variance and largest value for SHAPE; infinite where unbounded.
ROWS = [
    ('get("xavier_uniform_")', 2 / (IN + OUT), math.sqrt(6 / (IN + OUT))),
    ('get("xavier_normal_")', 2 / (IN + OUT), math.inf),
    ('get("kaiming_uniform_")', 2 / IN, math.sqrt(6 / IN)),
    ('get("kaiming_normal_")', 2 / IN, math.inf),
    ('get("uniform_")', 1 / 12, 1.0),
    ('get("normal_")', 1.0, math.inf),
    ('get("trunc_normal_")', 0.87962566103423978**2, 2.0),
    ("TorchDefault()", 1 / (3 * IN), 1 / math.sqrt(IN)),
    ('get("orthogonal_")', 1 / IN, 1.0),
    ("Sparse(0.9)", 0.1 * 0.01**2, math.inf),
    ("GlorotUniform()", 2 / (IN + OUT), math.sqrt(6 / (IN + OUT))),
    ("GlorotNormal()", 2 / (IN + OUT), CUT * math.sqrt(2 / (IN + OUT))),
    ("HeUniform()", 2 / IN, math.sqrt(6 / IN)),
    ("HeNormal()", 2 / IN, CUT * math.sqrt(2 / IN)),
    ("LecunUniform()", 1 / IN, math.sqrt(3 / IN)),
    ("LecunNormal()", 1 / IN, CUT * math.sqrt(1 / IN)),
    ("VarianceScaling()", 1 / IN, CUT * math.sqrt(1 / IN)),
    ("RandomUniform()", 0.1**2 / 12, 0.05),
    ("RandomNormal()", 0.05**2, math.inf),
    ("TruncatedNormal()", (0.05 * 0.87962566103423978) ** 2, 0.1),
    ("Orthogonal()", 1 / IN, 1.0),
    ("RandomUniform(0.0, 0.01)", 0.01**2 / 12, 0.01),
    ("RandomNormal(stddev=0.01)", 0.01**2, math.inf),
    ("TruncatedNormal(stddev=0.01)", (0.01 * 0.87962566103423978) ** 2, 0.02),
    (
        'VarianceScaling(1.0, "fan_geo_avg", "untruncated_normal")',
        1 / math.sqrt(IN * OUT),
        math.inf,
    ),
    ("LecunNormal(truncated=False)", 1 / IN, math.inf),
    ("SklearnDefault()", 2 / (IN + OUT), math.sqrt(6 / (IN + OUT))),
    ('SklearnDefault("logistic")', 2 / (3 * (IN + OUT)), math.sqrt(2 / (IN + OUT))),
]


@pytest.mark.parametrize(("call", "variance", "largest"), ROWS, ids=[row[0] for row in ROWS])
def test_a_row_is_what_is_drawn(call, variance, largest):
    initializer = eval(call, vars(initializers))
    found = initializer.explain(SHAPE)
    assert found.variance == pytest.approx(variance, rel=1e-9)
    assert found.high == pytest.approx(largest, rel=1e-12)
    w = initializer(SHAPE, "float64", rng=11)
    second_moment = variance + found.mean**2
    # Of a sparse matrix only a tenth is there to estimate from.
    n = w.size / 10 if call.startswith("Sparse") else w.size
    assert abs((w**2).mean() / second_moment - 1) < 4.5 * math.sqrt(2 / n)
    assert abs(w).max() <= largest * (1 + 1e-12)
    if math.isfinite(largest) and "rthogonal" not in call:
        assert abs(w).max() > 0.99 * largest
    assert f"`{call}`" in PAGE.read_text(encoding="utf-8")


def test_every_call_of_the_page_makes_an_initializer():
    cells = [
        line.split("|")[-2].strip()
        for line in PAGE.read_text("utf-8").splitlines()
        if line.startswith("| `")
    ]
    calls = [cell.strip("`") for cell in cells]
    assert len(calls) > 30
    for call in calls:
        assert isinstance(eval(call, vars(initializers)), initializers.Initializer), call


@pytest.mark.parametrize("name", TABLE)
def test_every_function_of_the_frameworks_is_on_the_page(name):
    page = PAGE.read_text(encoding="utf-8")
    for _, call, _, _ in TABLE[name]:
        assert f"`{call}" in page


def test_presets_with_and_without_truncation_have_one_variance():
    for cls in (GlorotNormal, HeNormal, LecunNormal):
        a, b = (cls(truncated=t).explain(SHAPE).variance for t in (True, False))
        assert a == pytest.approx(b, rel=1e-12)


def test_leaky_slope_is_torchs_a():
    # kaiming_uniform_(a=sqrt 5) is torch's default layer.
    default = initializers.TorchDefault()
    leaky = HeUniform(negative_slope=math.sqrt(5))
    np.testing.assert_allclose(leaky(SHAPE, rng=1), default(SHAPE, rng=1), rtol=1e-6)


def test_names_ending_in_an_underscore_are_torchs():
    assert initializers.get("kaiming_normal") == HeNormal()
    assert initializers.get("kaiming_normal_") == HeNormal(truncated=False)
    assert initializers.get("xavier_normal_") == GlorotNormal(truncated=False)
    config = {"class_name": "sparse_", "config": {"sparsity": 0.5}}
    assert initializers.get(config) == initializers.Sparse(0.5, 0.01)


def test_gains_of_activations_become_scales():
    assert VarianceScaling.for_activation("relu").scale == pytest.approx(2.0, rel=1e-9)
    backward = VarianceScaling.for_activation("tanh", "fan_out", "uniform", seed=3)
    assert backward.scale == pytest.approx(1 / 0.464403, rel=1e-5)
    assert (backward.mode, backward.distribution, backward.seed) == ("fan_out", "uniform", 3)
    torch = VarianceScaling.for_activation("tanh", gain="torch")
    assert torch.scale == pytest.approx(25 / 9, rel=1e-12)
