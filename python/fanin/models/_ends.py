"""The outputs of a network: what they are called, and what is given for each of them."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fanin import _checks, losses
from fanin.losses import Loss
from fanin.losses._base import check_mean
from fanin.metrics import Metric, as_metrics

Array = NDArray[Any]


# Plain classes: making a dataclass takes a fiftieth of what `import fanin` may take.
class Ends:
    """The outputs of a network, in the order in which they lie side by side.

    Parameters
    ----------
    names : list of str
        What losses, metrics, targets and logs call them: the keys of a dict, or names of layers.
    form : {"one", "list", "tuple", "dict"}
        What a pass returns: one array, or several in such a form.
    """

    def __init__(self, names: list[str], form: str = "one") -> None:
        self.names = names
        self.form = form

    @property
    def several(self) -> bool:
        """Whether there is more than one."""
        return len(self.names) > 1

    def called(self, name: str, output: int) -> str:
        """Return what a message calls the part of an argument that is meant for an output."""
        return f"{name}[{self.names[output]!r}]" if self.several else name

    def formed(self, parts: Sequence[Any]) -> Any:
        """Return what there is of each output in the form in which a pass returns them."""
        if self.form == "one":
            return parts[0]
        if self.form == "dict":
            return dict(zip(self.names, parts, strict=True))
        return tuple(parts) if self.form == "tuple" else [*parts]

    def apart(self, y: Array, shapes: Sequence[tuple[int, ...]]) -> Any:
        """Return what a pass made, where outputs lie side by side, as an array of each."""
        if not self.several:
            return self.formed([y])
        from fanin.layers._merging import apart  # not needed for `import fanin`

        return self.formed([np.ascontiguousarray(part) for part in apart(y, shapes)])

    def of_each(self, name: str, given: Any, wanted: Sequence[int] | None = None) -> list[Any]:
        """Return what is given for each output: in order, or by name.

        Where only those in `wanted` need something, they may be given alone; others are None.
        """
        counted = range(len(self.names)) if wanted is None else wanted
        needed = {self.names[output] for output in counted}
        if isinstance(given, Mapping):
            self._check_names(name, given, needed)
            return [given.get(key) for key in self.names]
        parts = _listed(given)
        if parts is not None and len(parts) == len(self.names):
            return parts
        if parts is not None and wanted is not None and len(parts) == len(wanted):
            found = dict(zip(wanted, parts, strict=True))
            return [found.get(output) for output in range(len(self.names))]
        raise self._miscounted(name, given, parts)

    def _check_names(self, name: str, given: Mapping[Any, Any], needed: set[str]) -> None:
        if len(set(self.names)) < len(self.names):
            raise ValueError(
                f"{name}: expected a list, as two outputs have one name ({', '.join(self.names)}), "
                f"found {_checks.found(given)}"
            )
        if not needed <= set(given) or not set(given) <= set(self.names):
            found = ", ".join(map(str, given)) or "none"
            raise ValueError(
                f"{name}: expected the outputs {', '.join(self.names)} by name, found {found}"
            )

    def _miscounted(self, name: str, given: Any, parts: Sequence[Any] | None) -> Exception:
        kind = TypeError if parts is None else ValueError
        found = _checks.found(given) if parts is None else str(len(parts))
        return kind(
            f"{name}: expected a list or dict of {len(self.names)}, one an output "
            f"({', '.join(self.names)}), found {found}"
        )

    # What `compile` is given.

    def losses(self, given: Any) -> list[Loss | None]:
        """Return the loss of each output: a single one is that of all."""
        parts = [given] * len(self.names)
        named = isinstance(given, Mapping) and "class_name" not in given
        if named and (self.several or self.form == "dict" or set(given) == set(self.names)):
            # Of a dict of outputs some may have no loss, and need not be named; as Keras has it.
            parts = self.of_each("loss", given, [] if self.form == "dict" else None)
        elif isinstance(given, list | tuple):
            parts = self.of_each("loss", given)
        if all(part is None for part in parts):
            raise ValueError(
                "loss: expected a loss, such as 'categorical_crossentropy', found None"
            )
        return [self._loss(output, part) for output, part in enumerate(parts)]

    def _loss(self, output: int, given: Any) -> Loss | None:
        if given is None:
            return None
        try:
            found = losses.resolve(given)
            check_mean(found)
        except (TypeError, ValueError) as error:
            raise self._of_output(error, output) from error
        return found

    def weights(self, given: Any, of_losses: Sequence[Loss | None]) -> list[float]:
        """Return what the loss of each output is multiplied by in their sum."""
        if given is None:
            return [1.0] * len(self.names)
        alone = not self.several and not isinstance(given, Mapping | list | tuple)
        wanted = [output for output, loss in enumerate(of_losses) if loss is not None]
        parts = [given] if alone else self.of_each("loss_weights", given, wanted)
        return [
            1.0
            if part is None and output not in wanted
            else _checks.number(self.called("loss_weights", output), part)
            for output, part in enumerate(parts)
        ]

    def metrics(self, name: str, given: Any) -> list[list[str | Metric]]:
        """Return the metrics of each output, each a name or an object."""
        if given is None:
            return [[] for _ in self.names]
        if isinstance(given, Mapping):
            parts = self.of_each(name, given, [])
        elif not isinstance(given, list | tuple):
            raise TypeError(
                f"{name}: expected a list, such as ['accuracy'], found {_checks.found(given)}"
            )
        elif self.several:
            parts = self.of_each(name, given) if given else [None] * len(self.names)
        else:  # Keras takes the metrics of the one output in a list of one too
            alone = len(given) == 1 and isinstance(given[0], list | tuple)
            parts = [given[0] if alone else given]
        return [self._metrics(output, part) for output, part in enumerate(parts)]

    def _metrics(self, output: int, given: Any) -> list[str | Metric]:
        try:
            single = given is not None and not isinstance(given, list | tuple)
            return as_metrics([given] if single else given)
        except (TypeError, ValueError) as error:
            raise self._of_output(error, output) from error

    def _of_output(self, error: Exception, output: int) -> Exception:
        """Return an error that names the output, where there are several."""
        return type(error)(f"output {self.names[output]!r}: {error}") if self.several else error


def _listed(given: Any) -> list[Any] | None:
    return [*given] if isinstance(given, list | tuple) else None


class Aim:
    """What `compile` chose for one output."""

    def __init__(
        self,
        loss: Loss | None,
        weight: float,
        metrics: list[str | Metric],
        weighted: list[str | Metric],
        place: int,
    ) -> None:
        self.loss = loss
        """None for an output that is only looked at, or not at all."""
        self.weight = weight
        self.metrics = metrics
        """By name or as objects; which accuracy is meant is known with the network's outputs."""
        self.weighted = weighted
        """Those in which samples weigh what they weigh in the loss."""
        self.place = place
        """Where its loss stands among those that `evaluate` returns."""

    @classmethod
    def of_each(
        cls, ends: Ends, loss: Any, loss_weights: Any, metrics: Any, weighted_metrics: Any
    ) -> list[Self]:
        """Return what the arguments of `compile` choose for each output."""
        of_losses = ends.losses(loss)
        weights = ends.weights(loss_weights, of_losses)
        plain = ends.metrics("metrics", metrics)
        weighted = ends.metrics("weighted_metrics", weighted_metrics)
        places = [*range(len(ends.names))]
        if ends.form == "dict" and isinstance(loss, Mapping) and set(loss) <= set(ends.names):
            # Keras lists the losses of a dict of outputs as they were given, others by output.
            order = [*loss, *(name for name in ends.names if name not in loss)]
            places = [order.index(name) for name in ends.names]
        both = zip(of_losses, weights, plain, weighted, places, strict=True)
        return [cls(*parts) for parts in both]

    @property
    def wanted(self) -> bool:
        """Whether there is anything to compare the output with targets for."""
        return self.loss is not None or bool(self.metrics or self.weighted)
