"""The Rust core as Python sees it: functions on NumPy arrays, no hidden state."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias, TypeVar, final

import numpy as np
from numpy.typing import NDArray

_Settings: TypeAlias = Mapping[str, Any]
_R = TypeVar("_R")
_Array: TypeAlias = NDArray[np.float32] | NDArray[np.float64] | NDArray[Any]

BITS: str

def get_num_threads() -> int: ...
def set_num_threads(n: int) -> None: ...
def simd_level() -> str: ...
def set_simd_level(name: str) -> str: ...

@final
class Plan:
    def __new__(
        cls,
        input_shape: Sequence[int] | Sequence[Sequence[int]],
        layers: Sequence[_Settings],
        dtype: str,
        calls: Sequence[tuple[int, Sequence[int]]] | None = None,
        outputs: Sequence[int] | None = None,
        spread: tuple[Sequence[tuple[int, int]], tuple[int, int]] | None = None,
    ) -> Plan: ...
    @property
    def output_shapes(self) -> list[tuple[int, ...]]: ...
    @property
    def output_shape(self) -> tuple[int, ...]: ...
    @property
    def shapes_of_outputs(self) -> list[tuple[int, ...]]: ...
    @property
    def parameters(self) -> list[tuple[int, str, int, tuple[int, ...]]]: ...
    @property
    def trained(self) -> list[bool]: ...
    @property
    def variables(self) -> list[int]: ...
    @property
    def state(self) -> list[tuple[int, str, int, tuple[int, ...]]]: ...
    @property
    def lookups(self) -> list[tuple[int, int, list[tuple[int, int]] | None]]: ...
    @property
    def parameter_count(self) -> int: ...
    @property
    def state_count(self) -> int: ...
    @property
    def in_a_row(self) -> bool: ...
    @property
    def draws_in_inference(self) -> bool: ...
    @property
    def penalizes_activity(self) -> bool: ...
    @property
    def dtype(self) -> str: ...
    def penalties(
        self, params: _Array, lock: Lock | None = None
    ) -> list[tuple[int, str, float]]: ...
    def forward(
        self,
        params: _Array,
        state: _Array,
        x: _Array,
        training: bool,
        threads: int | None = None,
        step: int = 0,
        out: _Array | tuple[_Array, tuple[Any, ...]] | None = None,
        lock: Lock | None = None,
    ) -> tuple[NDArray[Any], tuple[Any, ...]]: ...
    def backward(
        self,
        params: _Array,
        cache: tuple[Any, ...],
        dy: _Array,
        threads: int | None = None,
        dx: _Array | None = None,
        dw: _Array | None = None,
        lock: Lock | None = None,
    ) -> tuple[NDArray[Any], NDArray[Any]]: ...
    def trace(
        self,
        params: _Array,
        state: _Array,
        x: _Array,
        training: bool,
        threads: int | None = None,
    ) -> tuple[list[tuple[NDArray[Any] | None, NDArray[Any]]], tuple[Any, ...]]: ...
    def gradients(
        self,
        params: _Array,
        cache: tuple[Any, ...],
        dy: _Array,
        before_activation: bool | Sequence[bool] | None = None,
        threads: int | None = None,
    ) -> tuple[list[tuple[NDArray[Any] | None, NDArray[Any] | None]], NDArray[Any]]: ...

@final
class Lock:
    """Who may touch the arrays of a network: one writer, any number of readers."""

    def __new__(cls) -> Lock: ...
    def copies(self, arrays: Sequence[NDArray[Any]]) -> list[NDArray[Any]]: ...

@final
class Reading:
    """Arrays as of one whole batch, for a block: themselves, or copies while another trains."""

    def __new__(cls, lock: Lock, arrays: Sequence[NDArray[Any]]) -> Reading: ...
    def __enter__(self) -> list[NDArray[Any]]: ...
    def __exit__(self, *raised: object) -> None: ...

@final
class Writing:
    """What this thread alone trains or writes, for a block."""

    def __new__(cls, locks: Sequence[Lock], names: Sequence[str], training: bool) -> Writing: ...
    def __enter__(self) -> Writing: ...
    def __exit__(self, *raised: object) -> None: ...
    def turn(self, write: Callable[..., _R], *arguments: object) -> _R: ...

# Records: the core reads these attributes of any object.
class _Network(Protocol):
    @property
    def plan(self) -> Plan: ...
    @property
    def params(self) -> _Array: ...
    @property
    def state(self) -> _Array: ...
    @property
    def lock(self) -> Lock: ...

class _Goal(Protocol):
    @property
    def output(self) -> int: ...
    @property
    def loss(self) -> _Settings | None: ...
    @property
    def weight(self) -> float: ...
    @property
    def metrics(self) -> Sequence[_Settings]: ...
    @property
    def weighted(self) -> Sequence[_Settings]: ...

class _Objective(Protocol):
    @property
    def goals(self) -> Sequence[_Goal]: ...

class _Update(Protocol):
    @property
    def optimizer(self) -> _Settings: ...
    @property
    def slots(self) -> _Array: ...

class _Samples(Protocol):
    @property
    def x(self) -> _Array: ...
    @property
    def y(self) -> NDArray[Any] | tuple[NDArray[Any], ...]: ...
    @property
    def weights(self) -> _Array | tuple[_Array | None, ...] | None: ...

class _Batches(Protocol):
    @property
    def order(self) -> NDArray[np.uint32]: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def learning_rates(self) -> NDArray[np.float64]: ...
    @property
    def progress(self) -> NDArray[np.float64]: ...
    @property
    def outputs(self) -> _Array | None: ...

def predict(
    network: _Network, x: _Array, batch_size: int, threads: int | None = None, step: int = 0
) -> NDArray[Any]: ...
def evaluate(
    network: _Network,
    objective: _Objective,
    samples: _Samples,
    batch_size: int,
    threads: int | None = None,
    step: int = 0,
) -> list[float]: ...
def train(
    networks: Sequence[_Network],
    updates: Sequence[_Update],
    objective: _Objective,
    samples: _Samples,
    batches: Sequence[_Batches],
    threads: int | None = None,
) -> None: ...
def update(
    network: _Network,
    update: _Update,
    cache: tuple[Any, ...],
    dy: _Array,
    state: _Array,
    progress: NDArray[np.float64],
    after: NDArray[np.float64],
    learning_rate: float,
    threads: int | None = None,
) -> None: ...
def optimizer_slots(optimizer: _Settings) -> list[str]: ...
def optimizer_step(
    optimizer: _Settings,
    params: _Array,
    grads: _Array,
    slots: _Array,
    iteration: int,
    learning_rate: float,
    shape: tuple[int, ...] | None = None,
) -> None: ...
def activate(activation: _Settings, x: _Array) -> NDArray[Any]: ...
def activate_backward(activation: _Settings, x: _Array, dy: _Array) -> NDArray[Any]: ...
def loss_rows(
    loss: _Settings, outputs: _Array, targets: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]: ...
def metric_rows(metric: _Settings, outputs: _Array, targets: NDArray[Any]) -> NDArray[Any]: ...
def metric_sums(
    metric: _Settings,
    outputs: _Array,
    targets: NDArray[Any],
    weights: NDArray[Any] | None = None,
) -> NDArray[np.float64]: ...
def first_non_finite(x: _Array) -> int | None: ...
def penalty(regularizer: _Settings, w: _Array) -> tuple[float, NDArray[Any]]: ...
def constrain(constraint: _Settings, w: _Array) -> None: ...

# Elementary functions, the same bits on every platform.
def power(base: float, exponent: float) -> float: ...
def cosine_of_half_turns(share: float) -> float: ...
def elementary(
    name: Literal["exp", "log", "sin", "cos"], x: NDArray[np.float64]
) -> NDArray[np.float64]: ...

# Sampling and initializers: `dtype` is "float32" or "float64", `seed` and `path` name the stream.
def constant(
    shape: Sequence[int], dtype: str, value: float, out: _Array | None = None
) -> NDArray[Any]: ...
def identity(
    shape: Sequence[int], dtype: str, gain: float, out: _Array | None = None
) -> NDArray[Any]: ...
def hadamard(
    shape: Sequence[int], dtype: str, gain: float, out: _Array | None = None
) -> NDArray[Any]: ...
def random_uniform(
    shape: Sequence[int],
    dtype: str,
    seed: str,
    path: str,
    low: float,
    high: float,
    out: _Array | None = None,
) -> NDArray[Any]: ...
def random_normal(
    shape: Sequence[int],
    dtype: str,
    seed: str,
    path: str,
    mean: float,
    std: float,
    out: _Array | None = None,
) -> NDArray[Any]: ...
def inverse(
    shape: Sequence[int],
    dtype: str,
    seed: str,
    path: str,
    law: str,
    parameters: Sequence[float],
    out: _Array | None = None,
) -> NDArray[Any]: ...
def truncated_normal(
    shape: Sequence[int],
    dtype: str,
    seed: str,
    path: str,
    mean: float,
    std: float,
    low: float,
    high: float,
    out: _Array | None = None,
) -> NDArray[Any]: ...
def variance_scaling(
    shape: Sequence[int],
    dtype: str,
    seed: str,
    path: str,
    scale: float,
    mode: str,
    distribution: str,
    out: _Array | None = None,
    fans: tuple[float, float] | None = None,
) -> NDArray[Any]: ...
def variance_scaling_spread(
    shape: Sequence[int],
    scale: float,
    mode: str,
    distribution: str,
    fans: tuple[float, float] | None = None,
) -> float: ...
def orthogonal(
    shape: Sequence[int],
    dtype: str,
    seed: str,
    path: str,
    gain: float,
    out: _Array | None = None,
) -> NDArray[Any]: ...
def orthogonalize(
    gaussian: NDArray[np.float64], shape: Sequence[int], gain: float
) -> NDArray[np.float64]: ...
def fans(
    shape: Sequence[int],
    axes: tuple[Sequence[int], Sequence[int], Sequence[int] | None, int, bool] | None = None,
) -> tuple[float, float]: ...
def philox_words(seed: str, path: str, start: int, count: int) -> NDArray[np.uint32]: ...
def permutation(seed: str, path: str, n: int) -> NDArray[np.uint32]: ...
def outputs_first(kernel: _Array, out: _Array) -> None: ...
def product(
    a: _Array,
    b: _Array,
    out: _Array,
    transposes: tuple[bool, bool] = ...,
    threads: int | None = None,
) -> None: ...

# Other frameworks' numbers: `state` is what `mt19937_state` gives and is changed, `key` two words.
def mt19937_state(seed: int) -> NDArray[np.uint32]: ...
def mt19937_words(state: NDArray[np.uint32], count: int) -> NDArray[np.uint32]: ...
def torch_uniform(
    state: NDArray[np.uint32], shape: Sequence[int], dtype: str, low: float, high: float
) -> NDArray[Any]: ...
def torch_normal(
    state: NDArray[np.uint32], shape: Sequence[int], dtype: str, mean: float, std: float
) -> NDArray[Any]: ...
def torch_serial_normal(
    state: NDArray[np.uint32],
    spare: float | None,
    shape: Sequence[int],
    mean: float,
    std: float,
) -> tuple[NDArray[np.float64], float | None]: ...
def torch_permutation(state: NDArray[np.uint32], n: int) -> NDArray[np.int64]: ...
def threefry_words(key: Sequence[int], start: int, count: int) -> NDArray[np.uint64]: ...
def jax_uniform(
    key: Sequence[int], shape: Sequence[int], dtype: str, low: float, high: float
) -> NDArray[Any]: ...
def jax_normal(key: Sequence[int], shape: Sequence[int], dtype: str) -> NDArray[Any]: ...
def jax_truncated_normal(
    key: Sequence[int], shape: Sequence[int], dtype: str, low: float, high: float
) -> NDArray[Any]: ...
def moments(x: _Array, threads: int | None = None) -> tuple[NDArray[np.float64], list[float]]: ...
def unit_slopes(activation: _Settings, z: _Array, threshold: float) -> NDArray[np.float64]: ...
def histogram(
    x: _Array, low: float, high: float, bins: int, threads: int | None = None
) -> list[int]: ...
def second_moment(x: _Array) -> float: ...
def row_pairs(x: _Array) -> NDArray[np.float64]: ...
def row_cosines(x: _Array, threads: int | None = None) -> tuple[float, float]: ...
def participation_ratio(x: _Array, threads: int | None = None) -> float: ...
def equal_columns(columns: _Array, tolerance: float) -> list[int]: ...
