"""torch.nn.init for any array: the same functions, signatures, defaults, warnings and errors.

``from fanin import init`` stands in for ``from torch.nn import init``. Each function fills its
first argument in place and returns it: a torch tensor or parameter, a NumPy array, or anything on
the CPU that speaks the buffer protocol or DLPack, strided ones too, without a copy of its memory.
Fans are those of torch's layout, ``(out, in, ...)``. Gradients are not recorded, as in torch. A
tensor that autograd recorded as computed (by ``weight_norm`` or pruning, say) is warned of: it is
computed again, and what was written is lost. Under ``torch.no_grad()`` that cannot be told.

``generator`` takes what ``rng`` takes elsewhere in fanin, see :mod:`fanin.random`: an int for
stream v1 with this seed, a NumPy generator, ``fanin.streams.torch_cpu(seed)`` for the numbers that
torch itself gives after ``torch.manual_seed(seed)``, or None for fresh numbers.

=================================================  =========================================
:func:`uniform_`                                   U(a, b)
:func:`normal_`                                    N(mean, std²)
:func:`trunc_normal_`                              N(mean, std²) within [a, b]
:func:`constant_`, :func:`ones_`, :func:`zeros_`   one value
:func:`eye_`, :func:`dirac_`                       the identity, that of convolutions
:func:`xavier_uniform_`, :func:`xavier_normal_`    variance gain² · 2 / (fan_in + fan_out)
:func:`kaiming_uniform_`, :func:`kaiming_normal_`  variance gain² / fan
:func:`orthogonal_`                                a random orthogonal matrix
:func:`sparse_`                                    normal, most of them 0
:func:`calculate_gain`                             the table of gains
=================================================  =========================================

The names without an underscore, which torch deprecates, are here too and warn.
"""

from fanin._absences import _absent
from fanin.init._deprecated import (
    constant,
    dirac,
    eye,
    kaiming_normal,
    kaiming_uniform,
    normal,
    orthogonal,
    sparse,
    uniform,
    xavier_normal,
    xavier_uniform,
)
from fanin.init._distributions import normal_, trunc_normal_, uniform_
from fanin.init._fixed import constant_, dirac_, eye_, ones_, zeros_
from fanin.init._gains import calculate_gain
from fanin.init._matrices import orthogonal_, sparse_
from fanin.init._scaled import (
    kaiming_normal_,
    kaiming_uniform_,
    xavier_normal_,
    xavier_uniform_,
)

__all__ = [
    "calculate_gain",
    "constant",
    "constant_",
    "dirac",
    "dirac_",
    "eye",
    "eye_",
    "kaiming_normal",
    "kaiming_normal_",
    "kaiming_uniform",
    "kaiming_uniform_",
    "normal",
    "normal_",
    "ones_",
    "orthogonal",
    "orthogonal_",
    "sparse",
    "sparse_",
    "trunc_normal_",
    "uniform",
    "uniform_",
    "xavier_normal",
    "xavier_normal_",
    "xavier_uniform",
    "xavier_uniform_",
    "zeros_",
]

_absent.guard(__name__)
