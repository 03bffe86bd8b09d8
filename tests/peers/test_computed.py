"""Weights that torch computes: parametrized, pruned, or results of operations (S6)."""

import math
import warnings

import fanin
import numpy as np
import pytest
from fanin import data_dependent, init, streams

torch = pytest.importorskip("torch")
nn = torch.nn
parametrizations = pytest.importorskip("torch.nn.utils.parametrizations")
prune = pytest.importorskip("torch.nn.utils.prune")

FUNCTIONS = [name for name in init.__all__ if name.endswith("_")]
OPTIONS = {"constant_": {"val": 0.5}, "sparse_": {"sparsity": 0.5}}
X = np.random.default_rng(0).normal(size=(64, 30)).astype("float32")


def old_weight_norm(module):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return nn.utils.weight_norm(module)


COMPUTED = {
    "weight_norm": parametrizations.weight_norm,
    "old weight_norm": old_weight_norm,
    "spectral_norm": parametrizations.spectral_norm,
    "orthogonal": parametrizations.orthogonal,
    "pruned": lambda module: prune.random_unstructured(module, "weight", 0.5),
}
every_way = pytest.mark.parametrize("way", COMPUTED.values(), ids=COMPUTED)


@every_way
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_computed_weight_is_told_before_it_is_filled(way, name):
    module = way(nn.Conv1d(30, 40, 3) if name == "dirac_" else nn.Linear(30, 40)).eval()
    kept = {key: value.clone() for key, value in module.state_dict().items()}
    for tensor in (module.weight, module.weight.transpose(0, 1)):
        with pytest.warns(UserWarning, match="tensor: expected a parameter or another tensor"):
            getattr(init, name)(tensor, **OPTIONS.get(name, {}))
    # What is warned of: the module has not changed.
    assert all(torch.equal(value, kept[key]) for key, value in module.state_dict().items())


@every_way
def test_the_whole_model_is_told_too(way):
    with pytest.warns(UserWarning, match="left alone what it does not know"):
        fanin.initialize(way(nn.Linear(30, 40)), "he_normal", seed=0)


@every_way
@pytest.mark.parametrize(
    "function",
    [data_dependent.lsuv, data_dependent.data_dependent, data_dependent.weight_norm],
)
def test_a_computed_weight_is_not_rescaled(way, function):
    model = nn.Sequential(nn.Linear(30, 30), nn.Tanh(), way(nn.Linear(30, 40)), nn.Linear(40, 2))
    kept = {key: value.clone() for key, value in model.state_dict().items()}
    rng = np.random.default_rng(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is left alone
        with pytest.raises(TypeError, match=r"model: expected layers whose weights .*, found 2, "):
            function(model, X, rng=rng)
    assert all(torch.equal(value, kept[key]) for key, value in model.state_dict().items())
    assert rng.random() == np.random.default_rng(3).random()


@pytest.mark.parametrize(
    "view",
    [
        lambda w: w,
        lambda w: w.T,
        lambda w: w[3:7, ::2],
        lambda w: w.data,
        lambda w: w.detach(),
        lambda w: w.view(-1, 10),
    ],
)
def test_parameters_and_their_views_are_filled_without_a_word(view):
    module = nn.Linear(30, 40)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        init.ones_(view(module.weight))
        init.kaiming_normal_(view(module.weight), generator=0)
    found = view(module.weight).detach().numpy()
    assert abs(found).max() < 10
    assert found.std() > 0.01


@pytest.mark.parametrize(
    "make",
    [lambda w: w * 2, lambda w: w.clone(), lambda w: w @ w.T, lambda w: w.reshape(-1)[[0, 1]]],
)
def test_results_of_operations_are_told(make):
    with pytest.warns(UserWarning, match="tensor: expected a parameter"):
        init.zeros_(make(nn.Linear(30, 40).weight))


def test_what_shares_memory_with_itself_is_refused():
    with pytest.raises(ValueError, match="same memory"):
        init.zeros_(nn.Linear(3, 4).bias.expand(5, 4))


def test_a_lazy_parameter_is_refused_in_words():
    with pytest.raises(ValueError, match="tensor: expected a tensor that has a shape"):
        init.zeros_(nn.LazyLinear(3).weight)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(4,), (40, 30)])
@pytest.mark.parametrize("mean", [0.0, 0.5])
@pytest.mark.parametrize("bounds", [(0, math.inf), (-math.inf, 1), (-math.inf, math.inf)])
def test_infinite_bounds_are_replayed(bounds, mean, shape, dtype):
    options = {"mean": mean, "std": 2.0, "a": bounds[0], "b": bounds[1]}
    torch.manual_seed(3)
    theirs = nn.init.trunc_normal_(torch.empty(shape, dtype=dtype), **options)
    ours = torch.empty(shape, dtype=dtype)
    init.trunc_normal_(ours, **options, generator=streams.torch_cpu(3))
    torch.testing.assert_close(ours, theirs, rtol=2e-6, atol=1e-6)
