"""Fresh running averages are told from stale ones; the fix takes what `diagnose` took."""

import fanin
import numpy as np
import pytest

torch = pytest.importorskip("torch")
keras = pytest.importorskip("keras")

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

RNG = np.random.default_rng(0)
X = 1 + 3 * RNG.normal(size=(64, 10)).astype("float32")
Y = RNG.integers(0, 3, 64)


def network(momentum=0.1):
    torch.manual_seed(0)
    nn = torch.nn
    return nn.Sequential(
        nn.Linear(10, 16), nn.BatchNorm1d(16, momentum=momentum), nn.ReLU(), nn.Linear(16, 3)
    )


def lag(model, x=X):
    found = fanin.diagnose(model, x, Y).findings
    return next((f for f in found if f.kind == "batch_norm_lag"), None)


def passes(model, x, count):
    model.train()
    with torch.no_grad():
        for _ in range(count):
            model(torch.as_tensor(x))


def test_the_count_of_batches_tells_how_old_averages_are():
    model = network()
    fresh = lag(model)
    assert (fresh.severity, fresh.layers) == ("note", ("1",))
    assert fresh.text.endswith(
        "they are at their start, so predictions before training differ from training."
    )
    passes(model, X, 5)
    young = lag(model, 10 * X)
    assert young.severity == "note"
    assert "after 5 batches 59% of them is still their start" in young.text  # 0.9 ** 5
    passes(model, X, 95)
    assert lag(model) is None
    stale = lag(model, 10 * X)
    assert stale.severity == "warning"
    assert "100 batches went into them" in stale.text


def test_averages_that_come_from_elsewhere():
    model = network()
    with torch.no_grad():
        model[1].running_mean += 30
    stale = lag(model)
    assert stale.severity == "warning"
    assert "no batch was counted, they come from elsewhere" in stale.text


def test_a_mean_of_all_batches_forgets_its_start():
    model = network(momentum=None)
    passes(model, X, 1)
    assert lag(model) is None
    assert lag(model, 10 * X).severity == "warning"


def test_keras_keeps_no_count_and_the_text_says_so():
    layers = keras.layers
    model = keras.Sequential([keras.Input((10,)), layers.BatchNormalization(), layers.Dense(3)])
    assert lag(model).severity == "note"
    assert "at their start, as far as their values tell" in lag(model).text
    norm = model.layers[0]
    norm.moving_mean.assign(norm.moving_mean + 30)
    assert lag(model).severity == "warning"


@pytest.mark.parametrize("dtype", ["float32", "float64", "tensor", "list"])
def test_the_fix_takes_what_diagnose_took(dtype):
    x = {"tensor": torch.as_tensor(X), "list": X.tolist()}.get(dtype)
    x = X.astype(dtype) if x is None else x
    model = network()
    exec(lag(model, x).fix, {"model": model, "x": x, "torch": torch})
    assert lag(model, x) is None


def test_the_fix_leaves_indices_what_they_are():
    torch.manual_seed(0)
    nn = torch.nn
    x = RNG.integers(0, 20, (64, 5))
    model = nn.Sequential(nn.Embedding(20, 4), nn.Flatten(), nn.BatchNorm1d(20), nn.Linear(20, 3))
    with torch.no_grad():
        model[0].weight.mul_(5)
    exec(lag(model, x).fix, {"model": model, "x": x, "torch": torch})
    assert lag(model, x) is None
