"""Adam's kin. Formulas are Keras's; `g` is the gradient, `lr` the learning rate, `t` the step."""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar, Unpack

from fanin import _checks
from fanin.optimizers._base import Around, Optimizer, Schedule, Shared
from fanin.optimizers._members import Adam

_BELOW_ONE = partial(_checks.number, at_least=0.0, below=1.0)
_ABOVE_ZERO = partial(_checks.number, above=0.0)


class AdamW(Adam):
    """Adam with decoupled weight decay [1]_: ``w -= lr * weight_decay * w`` before each step.

    ``Adam(weight_decay=0.004)`` is the same. Biases and scales are often left out:
    ``exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])``.

    Parameters
    ----------
    learning_rate : float or callable, default 0.001
        A number, or a schedule.
    weight_decay : float, default 0.004
        The decay of a step, times the learning rate.
    beta_1 : float, default 0.9
        Decay of the first moment.
    beta_2 : float, default 0.999
        Decay of the second moment.
    epsilon : float, default 1e-7
        "Epsilon hat" of the paper, as for `Adam`.
    amsgrad : bool, default False
        Divide by the largest ``v`` so far.
    clipnorm, clipvalue, global_clipnorm, name : optional
        See `Optimizer`.
    convention : str, default "keras"
        "torch" for torch's formula, `epsilon` beside the corrected ``v``. Give torch's defaults too
        (``epsilon=1e-8``, ``weight_decay=0.01``).
    **kwargs
        By keyword: ``use_ema``, ``ema_momentum``, ``ema_overwrite_frequency`` and
        ``gradient_accumulation_steps``, see `Optimizer`. Others are refused, with the reason.

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR 2019.

    Examples
    --------
    >>> AdamW().weight_decay
    0.004
    """

    _couples = False
    _options: ClassVar[Mapping[str, Any]] = {
        "weight_decay": partial(_checks.number, at_least=0.0),
    }

    def __init__(
        self,
        learning_rate: float | Schedule | Mapping[str, object] = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str | None = None,
        *,
        convention: str = "keras",
        **kwargs: Unpack[Around],
    ) -> None:
        super().__init__(
            learning_rate,
            beta_1,
            beta_2,
            epsilon,
            amsgrad,
            weight_decay,
            clipnorm,
            clipvalue,
            global_clipnorm,
            "adamw" if name is None else name,
            convention=convention,
            **kwargs,
        )


class Nadam(Optimizer):
    """Adam with Nesterov's momentum [1]_, which grows over the first steps.

    With ``u(t) = beta_1 * (1 - 0.96**t / 2)``, ``P(t)`` the product of the first `t` of them, and
    ``m`` and ``v`` of Adam: step ``lr * (u(t + 1) * m / (1 - P(t + 1)) + (1 - u(t)) * g /
    (1 - P(t))) / (sqrt(v / (1 - beta_2**t)) + epsilon)``. torch has 0.96 to the power of
    ``0.004 * t``.

    Parameters
    ----------
    learning_rate : float or callable, default 0.001
        A number, or a schedule.
    beta_1 : float, default 0.9
        Decay of the first moment.
    beta_2 : float, default 0.999
        Decay of the second moment.
    epsilon : float, default 1e-7
        Added to the root of the corrected ``v``.
    **kwargs
        By keyword: ``weight_decay``, ``clipnorm``, ``clipvalue``, ``global_clipnorm``, ``use_ema``,
        ``ema_momentum``, ``ema_overwrite_frequency``, ``gradient_accumulation_steps`` and ``name``,
        see `Optimizer`. Others are refused, with the reason.

    References
    ----------
    .. [1] T. Dozat, "Incorporating Nesterov momentum into Adam", ICLR workshop 2016.

    Examples
    --------
    >>> Nadam().beta_2
    0.999
    """

    kind = "nadam"
    squares: ClassVar[tuple[str, ...]] = ("v",)
    _options: ClassVar[Mapping[str, Any]] = {
        "beta_1": _BELOW_ONE,
        "beta_2": _BELOW_ONE,
        "epsilon": _ABOVE_ZERO,
    }

    def __init__(
        self,
        learning_rate: float | Schedule | Mapping[str, object] = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **kwargs: Unpack[Shared],
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.beta_1: float = beta_1
        self.beta_2: float = beta_2
        self.epsilon: float = epsilon


class Adamax(Optimizer):
    """Adam with the largest gradient in the place of the root mean square [1]_.

    ``m = beta_1 * m + (1 - beta_1) * g``, ``u = max(beta_2 * u, abs(g))``, step
    ``lr / (1 - beta_1**t) * m / (u + epsilon)``. torch has `epsilon` within the maximum.

    Parameters
    ----------
    learning_rate : float or callable, default 0.001
        A number, or a schedule.
    beta_1 : float, default 0.9
        Decay of the first moment.
    beta_2 : float, default 0.999
        Decay of the second moment.
    epsilon : float, default 1e-7
        Added to ``u``.
    **kwargs
        By keyword: ``weight_decay``, ``clipnorm``, ``clipvalue``, ``global_clipnorm``, ``use_ema``,
        ``ema_momentum``, ``ema_overwrite_frequency``, ``gradient_accumulation_steps`` and ``name``,
        see `Optimizer`. Others are refused, with the reason.

    References
    ----------
    .. [1] D. Kingma and J. Ba, "Adam: A method for stochastic optimization", ICLR 2015,
       section 7.1.

    Examples
    --------
    >>> Adamax().learning_rate
    0.001
    """

    kind = "adamax"
    squares: ClassVar[tuple[str, ...]] = ("u",)
    _options: ClassVar[Mapping[str, Any]] = {
        "beta_1": _BELOW_ONE,
        "beta_2": _BELOW_ONE,
        "epsilon": _ABOVE_ZERO,
    }

    def __init__(
        self,
        learning_rate: float | Schedule | Mapping[str, object] = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **kwargs: Unpack[Shared],
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.beta_1: float = beta_1
        self.beta_2: float = beta_2
        self.epsilon: float = epsilon


class Lamb(Optimizer):
    """Adam's steps, as long in each array as its own norm says [1]_; for large batches.

    With ``u`` the step of Adam, both moments corrected: ``w -= lr * norm(w) / norm(u) * u``, where
    both norms are above 0, else ``w -= lr * u``. Weight decay comes before, as for all optimizers
    here and in Keras; in the paper it is a part of ``u``.

    Parameters
    ----------
    learning_rate : float or callable, default 0.001
        A number, or a schedule.
    beta_1 : float, default 0.9
        Decay of the first moment.
    beta_2 : float, default 0.999
        Decay of the second moment.
    epsilon : float, default 1e-7
        Added to the root of the corrected second moment.
    **kwargs
        By keyword: ``weight_decay``, ``clipnorm``, ``clipvalue``, ``global_clipnorm``, ``use_ema``,
        ``ema_momentum``, ``ema_overwrite_frequency``, ``gradient_accumulation_steps`` and ``name``,
        see `Optimizer`. Others are refused, with the reason.

    References
    ----------
    .. [1] Y. You et al., "Large batch optimization for deep learning: Training BERT in 76 minutes",
       ICLR 2020.

    Examples
    --------
    >>> Lamb(0.01).settings()["kind"]
    'lamb'
    """

    kind = "lamb"
    squares: ClassVar[tuple[str, ...]] = ("v",)
    _options: ClassVar[Mapping[str, Any]] = {
        "beta_1": _BELOW_ONE,
        "beta_2": _BELOW_ONE,
        "epsilon": _ABOVE_ZERO,
    }

    def __init__(
        self,
        learning_rate: float | Schedule | Mapping[str, object] = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **kwargs: Unpack[Shared],
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.beta_1: float = beta_1
        self.beta_2: float = beta_2
        self.epsilon: float = epsilon


class Lion(Optimizer):
    """Steps of one length along the sign of a momentum [1]_.

    ``w -= lr * sign(beta_1 * m + (1 - beta_1) * g)``, then ``m = beta_2 * m + (1 - beta_2) * g``.
    Good learning rates are a tenth to a third of Adam's.

    Parameters
    ----------
    learning_rate : float or callable, default 0.001
        A number, or a schedule.
    beta_1 : float, default 0.9
        Share of the momentum in the direction; above 0.
    beta_2 : float, default 0.99
        Decay of the momentum.
    **kwargs
        By keyword: ``weight_decay``, ``clipnorm``, ``clipvalue``, ``global_clipnorm``, ``use_ema``,
        ``ema_momentum``, ``ema_overwrite_frequency``, ``gradient_accumulation_steps`` and ``name``,
        see `Optimizer`. Others are refused, with the reason.

    References
    ----------
    .. [1] X. Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023.

    Examples
    --------
    >>> Lion(1e-4).slot_names()
    ['m']
    """

    kind = "lion"
    _options: ClassVar[Mapping[str, Any]] = {
        "beta_1": partial(_checks.number, above=0.0, at_most=1.0),
        "beta_2": partial(_checks.number, at_least=0.0, at_most=1.0),
    }

    def __init__(
        self,
        learning_rate: float | Schedule | Mapping[str, object] = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        **kwargs: Unpack[Shared],
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.beta_1: float = beta_1
        self.beta_2: float = beta_2
