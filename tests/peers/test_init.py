"""fanin.init against torch.nn.init: values, distributions, warnings and errors, row by row."""

import inspect
import warnings

import numpy as np
import pytest
from blocks import block
from fanin import init, streams
from scipy import stats

torch = pytest.importorskip("torch")
theirs = torch.nn.init

SHAPES = [(3, 4), (5, 7), (40, 30), (16, 8, 3), (6, 4, 3, 3), (2, 3, 1, 2, 2)]

# Every function with arguments that change its branch.
CALLS = {
    "uniform_": [{}, {"a": -1.0, "b": 3.0}],
    "normal_": [{}, {"mean": 2.0, "std": 0.1}, {"std": 0.0}],
    "trunc_normal_": [
        {},
        {"std": 0.02},
        {"mean": 1.0, "std": 2.0, "a": -0.5, "b": 0.5},
        {"a": 0.5, "b": 3.0},
    ],
    "xavier_uniform_": [{}, {"gain": 5 / 3}],
    "xavier_normal_": [{}, {"gain": 2.0}],
    "kaiming_uniform_": [
        {},
        {"a": 0.3},
        {"nonlinearity": "relu"},
        {"mode": "fan_out", "nonlinearity": "tanh"},
    ],
    "kaiming_normal_": [{}, {"nonlinearity": "relu"}, {"mode": "FAN_OUT", "nonlinearity": "selu"}],
    "orthogonal_": [{}, {"gain": 2.0}],
    "sparse_": [{"sparsity": 0.3}, {"sparsity": 1.0, "std": 1.0}],
    "constant_": [{"val": 0.3}],
    "ones_": [{}],
    "zeros_": [{}],
    "eye_": [{}],
    "dirac_": [{}, {"groups": 2}],
}
ROWS = [(name, options) for name, rows in CALLS.items() for options in rows]
FIXED = ("constant_", "ones_", "zeros_", "eye_", "dirac_")


def fits(name, options, shape):
    """Whether torch takes a tensor of this shape."""
    if name in ("eye_", "sparse_"):
        return len(shape) == 2
    if name == "dirac_":
        return len(shape) > 2 and shape[0] % options.get("groups", 1) == 0
    return True


def both(name, options, tensor, seed=3):
    """Fill two copies: by torch, and by fanin with torch's numbers replayed."""
    a, b = tensor.clone(), tensor.clone()
    if tensor.stride() != a.stride():
        a, b = (tensor.new_empty(tensor.shape).copy_(tensor) for _ in range(2))
    torch.manual_seed(seed)
    getattr(theirs, name)(a, **options)
    source = {} if name in FIXED else {"generator": streams.torch_cpu(seed)}
    assert getattr(init, name)(b, **options, **source) is b
    return a, b


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("name", "options"), ROWS)
def test_torchs_numbers(name, options, dtype):
    for shape in SHAPES:
        if not fits(name, options, shape):
            continue
        a, b = both(name, options, torch.zeros(shape, dtype=dtype))
        if name == "orthogonal_":
            assert torch.allclose(a, b, atol=1e-5 if dtype is torch.float32 else 1e-12)
        elif "normal" in name or name == "sparse_":
            assert torch.allclose(a, b, rtol=2e-6, atol=1e-7)
        else:
            assert torch.equal(a, b)


@pytest.mark.parametrize(("name", "options"), ROWS)
def test_torchs_numbers_in_a_transposed_or_sliced_tensor(name, options):
    for shape, view in [
        ((6, 40), lambda t: t.t()),
        ((40, 12), lambda t: t[:, ::2]),
        ((9, 5), lambda t: t[2:7]),
    ]:
        if name == "dirac_":
            continue
        base = [torch.zeros(shape), torch.zeros(shape)]
        torch.manual_seed(5)
        getattr(theirs, name)(view(base[0]), **options)
        source = {} if name in FIXED else {"generator": streams.torch_cpu(5)}
        getattr(init, name)(view(base[1]), **options, **source)
        assert torch.allclose(*base, rtol=2e-6, atol=1e-5 if name == "orthogonal_" else 1e-7)


@pytest.mark.parametrize(("name", "options"), [row for row in ROWS if row[0] not in FIXED])
def test_the_distribution_of_our_own_stream_is_torchs(name, options):
    shape = (200, 300)
    a, b = torch.zeros(shape), torch.zeros(shape)
    torch.manual_seed(0)
    getattr(theirs, name)(a, **options)
    getattr(init, name)(b, **options, generator=0)
    a, b = a.numpy().ravel(), b.numpy().ravel()
    if options.get("std") == 0 or options.get("sparsity") == 1.0:
        assert np.array_equal(np.unique(a), np.unique(b))
        return
    assert stats.ks_2samp(a, b).pvalue > 1e-4
    if name == "orthogonal_":
        q = b.reshape(shape) / options.get("gain", 1.0)
        assert np.allclose(q @ q.T, np.eye(200), atol=1e-5)


@pytest.mark.parametrize("make", [torch.zeros, lambda *s: torch.nn.Parameter(torch.zeros(*s))])
@pytest.mark.parametrize(("name", "options"), ROWS)
def test_memory_is_filled_without_a_copy(name, options, make):
    tensor = make(8, 4, 3) if name == "dirac_" else make(8, 4)
    pointer, version = tensor.data_ptr(), tensor._version
    grad = tensor.requires_grad
    result = getattr(init, name)(tensor, **options)
    assert result is tensor
    assert tensor.data_ptr() == pointer
    assert tensor._version > version
    assert tensor.requires_grad == grad
    assert tensor.grad_fn is None


def test_autograd_notices():
    w = torch.nn.Parameter(torch.ones(3, 3))
    loss = (w * w).sum()
    init.normal_(w)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_types(dtype):
    if dtype is torch.bfloat16:
        pytest.importorskip("ml_dtypes")
    tensor = torch.zeros(300, 200, dtype=dtype)
    pointer = tensor.data_ptr()
    init.kaiming_normal_(tensor, nonlinearity="relu", generator=0)
    assert tensor.data_ptr() == pointer
    exact = torch.zeros(300, 200)
    init.kaiming_normal_(exact, nonlinearity="relu", generator=0)
    assert torch.equal(tensor, exact.to(dtype))
    with pytest.raises(TypeError, match="float32 and float64"):
        init.normal_(tensor, generator=streams.torch_cpu(0))


def outcome(module, name, tensor, options):
    """Return what happened: an error, or warnings and a tensor."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            getattr(module, name)(tensor, **options)
        except (ValueError, TypeError, RuntimeError) as error:
            return type(error).__name__, str(error)
    return [(w.category, str(w.message)) for w in caught]


BAD = [
    ("xavier_uniform_", (5,), {}),
    ("xavier_normal_", (5,), {}),
    ("kaiming_uniform_", (5,), {}),
    ("kaiming_normal_", (), {}),
    ("kaiming_normal_", (3, 3), {"mode": "fan"}),
    ("kaiming_normal_", (3, 3), {"nonlinearity": "swish"}),
    ("kaiming_uniform_", (3, 3), {"a": True}),
    ("kaiming_uniform_", (3, 3), {"a": "x"}),
    ("kaiming_uniform_", (0, 3), {}),
    ("kaiming_normal_", (3, 0), {}),
    ("orthogonal_", (5,), {}),
    ("orthogonal_", (0, 3), {}),
    ("eye_", (3,), {}),
    ("eye_", (3, 3, 3), {}),
    ("dirac_", (3, 3), {}),
    ("dirac_", (3, 3, 3), {"groups": 2}),
    ("sparse_", (3, 3, 3), {"sparsity": 0.5}),
    ("trunc_normal_", (3, 3), {"mean": 10.0}),
    ("uniform_", (0,), {}),
    ("normal_", (0, 4), {}),
]


@pytest.mark.parametrize(("name", "shape", "options"), BAD)
def test_bad_input_says_what_torch_says(name, shape, options):
    ours = outcome(init, name, torch.zeros(shape), options)
    assert ours == outcome(theirs, name, torch.zeros(shape), options)


@pytest.mark.parametrize("name", [name for name in theirs.__all__ if not name.endswith("_")])
def test_deprecated_names_warn_as_torchs_do(name):
    if name == "calculate_gain":
        return
    tensor, options = torch.zeros(4, 4), {}
    if name == "dirac":
        tensor = torch.zeros(4, 4, 3)
    if name in ("constant", "sparse"):
        options = {"constant": {"val": 1.0}, "sparse": {"sparsity": 0.5}}[name]
    ours = outcome(init, name, tensor, options)
    assert ours == outcome(theirs, name, tensor, options)
    assert ours[0][0] is FutureWarning


def test_gains_are_torchs():
    known = ["linear", "sigmoid", "tanh", "relu", "selu", "leaky_relu"]
    known += [f"{kind}{n}d" for kind in ("conv", "conv_transpose") for n in (1, 2, 3)]
    for name in known:
        assert init.calculate_gain(name) == theirs.calculate_gain(name)
    for slope in (0, 0.2, 1, 3.5):
        assert init.calculate_gain("leaky_relu", slope) == theirs.calculate_gain(
            "leaky_relu", slope
        )
    for arguments in [("leaky_relu", "a"), ("leaky_relu", True), ("gelu",)]:
        assert isinstance(outcome_of(init.calculate_gain, arguments), str)
        assert outcome_of(init.calculate_gain, arguments) == outcome_of(
            theirs.calculate_gain, arguments
        )


def outcome_of(function, arguments):
    try:
        return function(*arguments)
    except ValueError as error:
        return str(error)


def test_every_function_is_here_with_torchs_signature():
    assert set(theirs.__all__) == set(init.__all__)
    for name in theirs.__all__:
        if not name.endswith("_") and name != "calculate_gain":
            continue
        a, b = (inspect.signature(getattr(m, name)).parameters for m in (theirs, init))
        assert [(p.name, p.default) for p in a.values()] == [
            (p.name, p.default) for p in b.values()
        ]


def test_tensors_that_cannot_be_filled():
    expanded = torch.zeros(3, 1).expand(3, 4)
    with pytest.raises(ValueError, match="same memory"):
        init.normal_(expanded)
    for tensor, error in [
        (torch.zeros(3, 3, dtype=torch.int64), TypeError),
        (torch.zeros(3, 3, dtype=torch.complex64), TypeError),
        (torch.zeros(3, 3).to_sparse(), ValueError),
        (torch.zeros(3, 3, device="meta"), ValueError),
    ]:
        with pytest.raises(error, match="tensor: expected"):
            init.normal_(tensor)
    with torch.inference_mode():
        tensor = torch.zeros(3, 3)
    with pytest.raises(ValueError, match="inference"):
        init.normal_(tensor)
    with pytest.raises(TypeError, match=r"streams\.torch_cpu"):
        init.normal_(torch.zeros(3, 3), generator=torch.Generator())


def test_arrays_of_jax_are_read_only():
    jax = pytest.importorskip("jax")
    with pytest.raises(ValueError, match="read-only"):
        init.normal_(jax.numpy.zeros((3, 3)))


def test_the_documents_module_with_nn_init_replaced():
    code = block("torch")
    assert code.count("nn.init.") == 4
    scope = {}
    exec("from fanin import init\n" + code.replace("nn.init.", "init."), scope)
    model, criterion, optimizer = (scope[name] for name in ("model", "criterion", "optimizer"))
    assert abs(model.fc1.weight.var().item() * 784 / 2 - 1) < 0.05
    assert not model.fc1.bias.any()
    x, y = torch.randn(64, 1, 28, 28), torch.randint(0, 10, (64,))
    first = criterion(model(x), y)
    for _ in range(20):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
    assert loss < first
