"""float16 and bfloat16 are float32 values rounded to nearest, for every initializer."""

import builtins
import sys

import numpy as np
import pytest
from fanin import initializers
from fanin.initializers import Beta, DeltaOrthogonal, Dirac, Initializer, Sparse, StudentT

NEED_MORE = {
    **{Sparse: Sparse(0.5), StudentT: StudentT(4.0), Beta: Beta(2.0, 5.0)},
    **{Dirac: Dirac(), DeltaOrthogonal: DeltaOrthogonal()},
}
PUBLIC = {
    found
    for name in initializers.__all__
    if isinstance(found := getattr(initializers, name), type) and issubclass(found, Initializer)
} - {Initializer, initializers.RandomInitializer}
MEMBERS = [NEED_MORE.get(cls) or cls() for cls in sorted(PUBLIC, key=lambda cls: cls.__name__)]


def shape_for(initializer):
    return (3, 4, 6) if isinstance(initializer, (Dirac, DeltaOrthogonal)) else (12, 10)


@pytest.mark.parametrize("initializer", MEMBERS, ids=lambda i: type(i).__name__)
@pytest.mark.parametrize("rng", [lambda: 1, lambda: np.random.default_rng(1)])
def test_values_are_rounded_float32(initializer, rng):
    shape = shape_for(initializer)
    exact = initializer(shape, "float32", rng=rng())
    half = initializer(shape, "float16", rng=rng())
    assert half.dtype == np.float16
    np.testing.assert_array_equal(half, exact.astype(np.float16))
    out = np.zeros(shape[::-1], np.float16).T
    assert initializer.fill(out, rng=rng()) is out
    np.testing.assert_array_equal(out, half)


@pytest.mark.parametrize("initializer", MEMBERS, ids=lambda i: type(i).__name__)
def test_bfloat16(initializer):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    shape = shape_for(initializer)
    for dtype in ("bfloat16", ml_dtypes.bfloat16):
        half = initializer(shape, dtype, rng=1)
        assert half.dtype == ml_dtypes.bfloat16
        np.testing.assert_array_equal(half, initializer(shape, rng=1).astype(ml_dtypes.bfloat16))


def test_bfloat16_needs_a_package(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "ml_dtypes":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.delitem(sys.modules, "ml_dtypes", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(TypeError, match="ml_dtypes"):
        initializers.Zeros()((2, 2), "bfloat16")


def test_values_that_do_not_fit_are_refused():
    for initializer in (initializers.Constant(1e5), initializers.RandomNormal(0, 1e5)):
        assert np.isfinite(initializer((50,), rng=0)).all()
        with pytest.raises(ValueError, match="float16"):
            initializer((50,), "float16", rng=0)
