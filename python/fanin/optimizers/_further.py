"""Further optimizers. Formulas are Keras's; `g` is the gradient, `lr` the learning rate."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Unpack

import numpy as np

from fanin import _checks
from fanin._checks import FloatArray
from fanin.optimizers._base import (
    Clipping,
    Optimizer,
    Schedule,
    Shared,
    numbers_of,
    optional_number,
    patterns,
)

_BELOW_ONE = partial(_checks.number, at_least=0.0, below=1.0)
_ABOVE_ZERO = partial(_checks.number, above=0.0)
_NOT_NEGATIVE = partial(_checks.number, at_least=0.0)
_NOT_POSITIVE = partial(_checks.number, at_most=0.0)


class Adadelta(Optimizer):
    """Steps whose size follows that of the steps before [1]_.

    ``s = rho * s + (1 - rho) * g**2``, ``u = g * sqrt(d + epsilon) / sqrt(s + epsilon)``,
    ``d = rho * d + (1 - rho) * u**2``, step ``lr * u``. The paper and torch have a learning rate
    of 1.

    Parameters
    ----------
    learning_rate : float or callable, default 0.001
        A number, or a schedule.
    rho : float, default 0.95
        Decay of the running averages.
    epsilon : float, default 1e-7
        Added under both roots.
    **kwargs
        By keyword: ``weight_decay``, ``clipnorm``, ``clipvalue``, ``global_clipnorm``, ``use_ema``,
        ``ema_momentum``, ``ema_overwrite_frequency``, ``gradient_accumulation_steps`` and ``name``,
        see `Optimizer`. Others are refused, with the reason.

    References
    ----------
    .. [1] M. D. Zeiler, "ADADELTA: An adaptive learning rate method", 2012.

    Examples
    --------
    >>> Adadelta(1.0).rho
    0.95
    """

    kind = "adadelta"
    squares: ClassVar[tuple[str, ...]] = ("accumulated_grad", "accumulated_delta_var")
    _options: ClassVar[Mapping[str, Any]] = {
        "rho": partial(_checks.number, at_least=0.0, at_most=1.0),
        "epsilon": _ABOVE_ZERO,
    }

    def __init__(
        self,
        learning_rate: float | Schedule | Mapping[str, object] = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        **kwargs: Unpack[Shared],
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.rho: float = rho
        self.epsilon: float = epsilon


class Ftrl(Optimizer):
    """Follow the regularized leader [1]_, for sparse linear models.

    With ``n2 = n + g**2`` and ``p = -learning_rate_power``:
    ``z += g + 2 * l2_shrinkage * w - (n2**p - n**p) / lr * w``,
    ``w = (clip(z, -l1, l1) - z) / (n2**p / lr + 2 * l2 + beta / lr)``. Parameters are a function of
    ``n`` and ``z``: the first step forgets most of what they were initialized to, as in Keras.

    Parameters
    ----------
    learning_rate : float or callable, default 0.001
        A number, or a schedule.
    learning_rate_power : float, default -0.5
        At most 0; 0 is a learning rate that stays.
    initial_accumulator_value : float, default 0.1
        Where ``n`` starts.
    l1_regularization_strength, l2_regularization_strength : float, default 0.0
        Penalties of the objective.
    l2_shrinkage_regularization_strength : float, default 0.0
        A penalty that is added to the gradient.
    beta : float, default 0.0
        As in the paper.
    **kwargs
        By keyword: ``weight_decay``, ``clipnorm``, ``clipvalue``, ``global_clipnorm``, ``use_ema``,
        ``ema_momentum``, ``ema_overwrite_frequency``, ``gradient_accumulation_steps`` and ``name``,
        see `Optimizer`. Others are refused, with the reason.

    References
    ----------
    .. [1] H. B. McMahan et al., "Ad click prediction: A view from the trenches", KDD 2013.

    Examples
    --------
    >>> Ftrl(0.1, l1_regularization_strength=0.01).slot_names()
    ['accumulator', 'linear']
    """

    kind = "ftrl"
    _not_settings = ("initial_accumulator_value",)
    squares: ClassVar[tuple[str, ...]] = ("accumulator",)
    _options: ClassVar[Mapping[str, Any]] = {
        "learning_rate_power": _NOT_POSITIVE,
        **dict.fromkeys(
            (
                "initial_accumulator_value",
                "l1_regularization_strength",
                "l2_regularization_strength",
                "l2_shrinkage_regularization_strength",
                "beta",
            ),
            _NOT_NEGATIVE,
        ),
    }

    def __init__(
        self,
        learning_rate: float | Schedule | Mapping[str, object] = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        **kwargs: Unpack[Shared],
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.learning_rate_power: float = learning_rate_power
        self.initial_accumulator_value: float = initial_accumulator_value
        self.l1_regularization_strength: float = l1_regularization_strength
        self.l2_regularization_strength: float = l2_regularization_strength
        self.l2_shrinkage_regularization_strength: float = l2_shrinkage_regularization_strength
        self.beta: float = beta

    def init(self, params: FloatArray) -> FloatArray:
        """Make the slots; the accumulator is filled with `initial_accumulator_value`.

        Parameters
        ----------
        params : ndarray of float32 or float64
            The parameters.

        Returns
        -------
        ndarray of shape (slots, params.size)
            One row for each of `slot_names`.
        """
        slots = super().init(params)
        slots[0] = np.asarray(self.initial_accumulator_value, dtype=slots.dtype)
        return slots


class Adafactor(Optimizer):
    """Second moments from those of a matrix's rows and columns [1]_.

    Steps are relative to the weights. With ``b = 1 - t**beta_2_decay``: the mean squares of a
    matrix's rows, ``r``, and columns, ``c``, are averaged with ``b``;
    ``u = g / sqrt(r * c / mean(r))``, for what is no matrix ``u = g / sqrt(v)``. Step
    ``max(epsilon_2, rms(w)) * min(lr, 1 / sqrt(t)) * u / max(1, rms(u) / clip_threshold)``.

    Parameters
    ----------
    learning_rate : float or callable, default 0.001
        A number, or a schedule.
    beta_2_decay : float, default -0.8
        At most 0.
    epsilon_1 : float, default 1e-30
        Added to squares of the gradient.
    epsilon_2 : float, default 0.001
        The size of weights, at least.
    clip_threshold : float, default 1.0
        Largest root mean square of ``u``.
    relative_step : bool, default True
        Has no effect, as in Keras, where the learning rate is ``min(lr, 1 / sqrt(t))`` in any case.
    **kwargs
        By keyword: ``weight_decay``, ``clipnorm``, ``clipvalue``, ``global_clipnorm``, ``use_ema``,
        ``ema_momentum``, ``ema_overwrite_frequency``, ``gradient_accumulation_steps`` and ``name``,
        see `Optimizer`. Others are refused, with the reason.

    Notes
    -----
    The slots are arrays like the parameters: ``r`` has at each element the average of its row,
    ``c`` that of its column.

    References
    ----------
    .. [1] N. Shazeer and M. Stern, "Adafactor: Adaptive learning rates with sublinear memory cost",
       ICML 2018.

    Examples
    --------
    >>> Adafactor().slot_names()
    ['r', 'c']
    """

    kind = "adafactor"
    _not_settings = ("relative_step",)
    squares: ClassVar[tuple[str, ...]] = ("r", "c")
    _options: ClassVar[Mapping[str, Any]] = {
        "beta_2_decay": _NOT_POSITIVE,
        "epsilon_1": _NOT_NEGATIVE,
        "epsilon_2": _NOT_NEGATIVE,
        "clip_threshold": _ABOVE_ZERO,
        "relative_step": _checks.flag,
    }

    def __init__(
        self,
        learning_rate: float | Schedule | Mapping[str, object] = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 0.001,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
        **kwargs: Unpack[Shared],
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.beta_2_decay: float = beta_2_decay
        self.epsilon_1: float = epsilon_1
        self.epsilon_2: float = epsilon_2
        self.clip_threshold: float = clip_threshold
        self.relative_step: bool = relative_step


def _rms_rate(name: str, value: Any) -> float:
    """Return 0 for None."""
    return 0.0 if value is None else _checks.number(name, value, at_least=0.0)


def _layers(name: str, value: Any) -> list[str]:
    return [] if value is None else patterns(name, value)


class Muon(Optimizer):
    """The momentum of a matrix, made nearly orthogonal [1]_; Adam for what is no matrix.

    ``m = momentum * m + g``, ``x = g + momentum * m``; `x` divided by its norm, and `ns_steps`
    times ``x = a * x + (b * A + c * A @ A) @ x`` with ``A = x @ x.T``. Step
    ``lr * sqrt(max(x.shape)) * rms_rate * x`` [2]_. Arrays that are no matrices, those with
    "embedding" in their path, and those of `exclude_layers` move by Adam, with
    `adam_weight_decay`. The last layer is usually excluded too.

    Parameters
    ----------
    learning_rate : float or callable, default 0.001
        A number, or a schedule.
    adam_beta_1, adam_beta_2 : float, default 0.9, 0.999
        Decays of Adam's moments.
    adam_weight_decay : float, default 0.004
        Weight decay of what moves by Adam; None is 0.
    epsilon : float, default 1e-7
        Adam's.
    weight_decay : float, default 0.004
        Weight decay of the others.
    exclude_layers : list of str, optional
        Regular expressions: arrays in whose path, such as ``"dense_1/kernel"``, one is found.
    exclude_embeddings : bool, default True
        Whether tables that are looked up move by Adam.
    muon_a, muon_b, muon_c : float, default 3.4445, -4.775, 2.0315
        Coefficients of the iteration.
    adam_lr_ratio : float, default 1.0
        Learning rate of Adam by that of the others.
    momentum : float, default 0.95
        Momentum.
    ns_steps : int, default 5
        Iterations.
    nesterov : bool, default True
        Whether to look ahead.
    rms_rate : float or None, default 0.2
        Root mean square of a step by the learning rate; None for steps of norm 1 instead.
    **kwargs
        By keyword: ``clipnorm``, ``clipvalue``, ``global_clipnorm``, ``use_ema``,
        ``ema_momentum``, ``ema_overwrite_frequency``, ``gradient_accumulation_steps`` and ``name``,
        see `Optimizer`. Others are refused, with the reason.

    References
    ----------
    .. [1] K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024.
    .. [2] J. Liu et al., "Muon is scalable for LLM training", 2025.

    Examples
    --------
    >>> Muon(exclude_layers=["output"]).momentum
    0.95
    """

    kind = "muon"
    _not_settings = ("exclude_layers", "exclude_embeddings")
    squares: ClassVar[tuple[str, ...]] = ("velocity",)
    _options: ClassVar[Mapping[str, Any]] = {
        **dict.fromkeys(("adam_beta_1", "adam_beta_2"), _BELOW_ONE),
        "adam_weight_decay": partial(optional_number, at_least=0.0),
        "epsilon": _ABOVE_ZERO,
        "exclude_layers": _layers,
        "exclude_embeddings": _checks.flag,
        **dict.fromkeys(("muon_a", "muon_b", "muon_c"), _checks.number),
        "adam_lr_ratio": _NOT_NEGATIVE,
        "momentum": partial(_checks.number, at_least=0.0, at_most=1.0),
        "ns_steps": partial(_checks.count, minimum=1),
        "nesterov": _checks.flag,
        "rms_rate": _rms_rate,
    }

    def __init__(
        self,
        learning_rate: float | Schedule | Mapping[str, object] = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        *,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.775,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1.0,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        **kwargs: Unpack[Clipping],
    ) -> None:
        super().__init__(learning_rate, weight_decay, **kwargs)
        self.adam_beta_1: float = adam_beta_1
        self.adam_beta_2: float = adam_beta_2
        self.adam_weight_decay: float | None = adam_weight_decay
        self.epsilon: float = epsilon
        self.exclude_layers: Sequence[str] | None = exclude_layers
        self.exclude_embeddings: bool = exclude_embeddings
        self.muon_a: float = muon_a
        self.muon_b: float = muon_b
        self.muon_c: float = muon_c
        self.adam_lr_ratio: float = adam_lr_ratio
        self.momentum: float = momentum
        self.ns_steps: int = ns_steps
        self.nesterov: bool = nesterov
        self.rms_rate: float | None = rms_rate

    def settings(self) -> dict[str, object]:
        """Return the settings of this optimizer for the core.

        Returns
        -------
        dict
            ``kind`` and the options; 0 stands for no decay and no clipping.
        """
        return {**super().settings(), "adam_weight_decay": self.adam_weight_decay or 0.0}

    def _by_variable(self, paths: Sequence[str]) -> dict[str, tuple[int, ...]]:
        excluded = list(self.exclude_layers or ())
        if self.exclude_embeddings:
            excluded.append("(?i:embedding)")
        return {**super()._by_variable(paths), **numbers_of("by_adam", excluded, paths)}
