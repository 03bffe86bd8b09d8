"""The optimizers. Formulas are Keras's; `g` is the gradient, `lr` the learning rate."""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar, Unpack

import numpy as np

from fanin import _checks
from fanin._checks import FloatArray
from fanin.optimizers._base import Around, Optimizer, Schedule, check_convention

_BELOW_ONE = partial(_checks.number, at_least=0.0, below=1.0)
_UP_TO_ONE = partial(_checks.number, at_least=0.0, at_most=1.0)
_ABOVE_ZERO = partial(_checks.number, above=0.0)


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum [1]_ if asked.

    ``v = momentum * v - lr * g``, ``w += v``; with `nesterov` [2]_ ``w += momentum * v - lr * g``.

    Parameters
    ----------
    learning_rate : float or callable, default 0.01
        A number, or a schedule.
    momentum : float, default 0.0
        Between 0 and 1.
    nesterov : bool, default False
        Whether to look ahead.
    weight_decay, clipnorm, clipvalue, global_clipnorm, name : optional
        See `Optimizer`.
    convention : str, default "keras"
        "torch" for torch's formula, where `v` has no learning rate in it, and for its
        weight decay, which is added to the gradients. Give torch's defaults too.
    **kwargs
        By keyword: ``use_ema``, ``ema_momentum``, ``ema_overwrite_frequency`` and
        ``gradient_accumulation_steps``, see `Optimizer`. Others are refused, with the reason.

    References
    ----------
    .. [1] B. T. Polyak, "Some methods of speeding up the convergence of iteration methods", 1964.
    .. [2] I. Sutskever et al., "On the importance of initialization and momentum in deep learning",
       ICML 2013.

    Examples
    --------
    >>> SGD(0.1, momentum=0.9)
    SGD(learning_rate=0.1, momentum=0.9, nesterov=False)
    """

    kind = "sgd"
    _not_settings = ("convention",)
    _options: ClassVar[Mapping[str, Any]] = {
        "momentum": _UP_TO_ONE,
        "nesterov": _checks.flag,
        "convention": check_convention,
    }

    def __init__(
        self,
        learning_rate: float | Schedule | Mapping[str, object] = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str | None = None,
        *,
        convention: str = "keras",
        **kwargs: Unpack[Around],
    ) -> None:
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, name, **kwargs
        )
        self.convention: str = convention
        self.momentum: float = momentum
        self.nesterov: bool = nesterov


class RMSprop(Optimizer):
    """Steps divided by a running root mean square of the gradient [1]_.

    ``v = rho * v + (1 - rho) * g**2``, step ``lr * g / sqrt(v + epsilon)``; `centered` subtracts
    the squared running mean of ``g`` from ``v``.

    Parameters
    ----------
    learning_rate : float or callable, default 0.001
        A number, or a schedule.
    rho : float, default 0.9
        Decay of the running averages.
    momentum : float, default 0.0
        Momentum of the step.
    epsilon : float, default 1e-7
        Added under the root, as in Keras (torch adds it outside).
    centered : bool, default False
        Whether to divide by the variance instead.
    weight_decay, clipnorm, clipvalue, global_clipnorm, name : optional
        See `Optimizer`.
    convention : str, default "keras"
        "torch" for torch's formula: `epsilon` outside the root, momentum without the
        learning rate, and weight decay added to the gradients. Give torch's defaults too
        (``rho=0.99``, ``epsilon=1e-8``).
    **kwargs
        By keyword: ``use_ema``, ``ema_momentum``, ``ema_overwrite_frequency`` and
        ``gradient_accumulation_steps``, see `Optimizer`. Others are refused, with the reason.

    References
    ----------
    .. [1] T. Tieleman and G. Hinton, "Lecture 6.5: RMSprop", Coursera, 2012.

    Examples
    --------
    >>> RMSprop().learning_rate
    0.001
    """

    kind = "rmsprop"
    _not_settings = ("convention",)
    squares: ClassVar[tuple[str, ...]] = ("velocity",)
    _options: ClassVar[Mapping[str, Any]] = {
        "rho": _BELOW_ONE,
        "momentum": _UP_TO_ONE,
        "epsilon": _ABOVE_ZERO,
        "centered": _checks.flag,
        "convention": check_convention,
    }

    def __init__(
        self,
        learning_rate: float | Schedule | Mapping[str, object] = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str | None = None,
        *,
        convention: str = "keras",
        **kwargs: Unpack[Around],
    ) -> None:
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, name, **kwargs
        )
        self.convention: str = convention
        self.rho: float = rho
        self.momentum: float = momentum
        self.epsilon: float = epsilon
        self.centered: bool = centered


class Adam(Optimizer):
    """Adaptive moments [1]_: momentum, divided by a running root mean square of the gradient.

    ``m = beta_1 * m + (1 - beta_1) * g``, ``v = beta_2 * v + (1 - beta_2) * g**2``, step
    ``lr * sqrt(1 - beta_2**t) / (1 - beta_1**t) * m / (sqrt(v) + epsilon)`` at step ``t`` from 1.

    Parameters
    ----------
    learning_rate : float or callable, default 0.001
        A number, or a schedule.
    beta_1 : float, default 0.9
        Decay of the first moment.
    beta_2 : float, default 0.999
        Decay of the second moment.
    epsilon : float, default 1e-7
        "Epsilon hat" of the paper: it is added before the correction of ``v``, as in Keras.
    amsgrad : bool, default False
        Divide by the largest ``v`` so far [2]_.
    weight_decay, clipnorm, clipvalue, global_clipnorm, name : optional
        See `Optimizer`.
    convention : str, default "keras"
        "torch" for torch's formula: `epsilon` beside the corrected ``v``, and weight decay added to
        the gradients. Give torch's defaults too (``epsilon=1e-8``).
    **kwargs
        By keyword: ``use_ema``, ``ema_momentum``, ``ema_overwrite_frequency`` and
        ``gradient_accumulation_steps``, see `Optimizer`. Others are refused, with the reason.

    References
    ----------
    .. [1] D. Kingma and J. Ba, "Adam: A method for stochastic optimization", ICLR 2015.
    .. [2] S. Reddi et al., "On the convergence of Adam and beyond", ICLR 2018.

    Examples
    --------
    >>> Adam(learning_rate=0.01).settings()["beta_2"]
    0.999
    """

    kind = "adam"
    _not_settings = ("convention",)
    squares: ClassVar[tuple[str, ...]] = ("v", "v_max")
    _options: ClassVar[Mapping[str, Any]] = {
        "beta_1": _BELOW_ONE,
        "beta_2": _BELOW_ONE,
        "epsilon": _ABOVE_ZERO,
        "amsgrad": _checks.flag,
        "convention": check_convention,
    }

    def __init__(
        self,
        learning_rate: float | Schedule | Mapping[str, object] = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str | None = None,
        *,
        convention: str = "keras",
        **kwargs: Unpack[Around],
    ) -> None:
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, name, **kwargs
        )
        self.convention: str = convention
        self.beta_1: float = beta_1
        self.beta_2: float = beta_2
        self.epsilon: float = epsilon
        self.amsgrad: bool = amsgrad


class Adagrad(Optimizer):
    """Steps divided by the root of the sum of all squared gradients so far [1]_.

    ``a += g**2``, step ``lr * g / sqrt(a + epsilon)``.

    Parameters
    ----------
    learning_rate : float or callable, default 0.001
        A number, or a schedule.
    initial_accumulator_value : float, default 0.1
        Where ``a`` starts.
    epsilon : float, default 1e-7
        Added under the root.
    weight_decay, clipnorm, clipvalue, global_clipnorm, name : optional
        See `Optimizer`.
    convention : str, default "keras"
        "torch" for torch's formula: `epsilon` outside the root, and weight decay added to the
        gradients. Give torch's defaults too (``initial_accumulator_value=0``, ``epsilon=1e-10``).
    **kwargs
        By keyword: ``use_ema``, ``ema_momentum``, ``ema_overwrite_frequency`` and
        ``gradient_accumulation_steps``, see `Optimizer`. Others are refused, with the reason.

    References
    ----------
    .. [1] J. Duchi, E. Hazan and Y. Singer, "Adaptive subgradient methods for online learning and
       stochastic optimization", JMLR 12 (2011).

    Examples
    --------
    >>> Adagrad().initial_accumulator_value
    0.1
    """

    kind = "adagrad"
    _not_settings = ("initial_accumulator_value", "convention")
    squares: ClassVar[tuple[str, ...]] = ("accumulator",)
    _options: ClassVar[Mapping[str, Any]] = {
        "initial_accumulator_value": partial(_checks.number, at_least=0.0),
        "epsilon": _ABOVE_ZERO,
        "convention": check_convention,
    }

    def __init__(
        self,
        learning_rate: float | Schedule | Mapping[str, object] = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str | None = None,
        *,
        convention: str = "keras",
        **kwargs: Unpack[Around],
    ) -> None:
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, name, **kwargs
        )
        self.convention: str = convention
        self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = epsilon

    def init(self, params: FloatArray) -> FloatArray:
        """Make the slots; the accumulator is filled with `initial_accumulator_value`.

        Parameters
        ----------
        params : ndarray of float32 or float64
            The parameters.

        Returns
        -------
        ndarray of shape (slots, params.size)
            The accumulator, and what else is asked for.
        """
        slots = super().init(params)
        slots[0] = np.asarray(self.initial_accumulator_value, dtype=slots.dtype)
        return slots
