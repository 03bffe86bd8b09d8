"""What a network is trained for: optimizer, loss, metrics."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fanin import _checks, _core, losses, optimizers
from fanin._checks import warn
from fanin.errors import NotReadyError
from fanin.layers._arrays import Array
from fanin.losses import _outputs
from fanin.losses._base import check_mean
from fanin.metrics import Metric, as_metrics, resolve_all
from fanin.models import _training
from fanin.models._network import Network

if TYPE_CHECKING:
    from fanin.typing import LossLike, MetricLike, OptimizerLike


class Compilable(Network):
    """A network with `compile`: what `fanin.Sequential` is before it is trained; see there."""

    _compiled: _training.Compiled | None = None

    def _forget_slots(self) -> None:
        # The optimizer's arrays have the layout of the parameters, which has just changed.
        if self._compiled is not None:
            self._compiled.slots, self._compiled.iterations = None, 0

    def _parts(self) -> list[object]:
        return [*super()._parts(), *([] if self._compiled is None else [self._compiled])]

    def compile(
        self,
        optimizer: "OptimizerLike" = "rmsprop",
        loss: "LossLike | None" = None,
        loss_weights: None = None,
        metrics: "Sequence[MetricLike] | None" = None,
        weighted_metrics: None = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Choose the optimizer, the loss and the metrics; the optimizer starts anew.

        Parameters
        ----------
        optimizer : str, dict or Optimizer, default "rmsprop"
            One of `fanin.optimizers`. Its numbers can be changed later, also by a callback. Where
            it then wants other arrays (`slots`), those whose name stays keep their values, and
            others start anew.
        loss : str, dict, function or Loss
            One of `fanin.losses`, or any object with `value_and_gradient`, see `losses.Loss`.
        loss_weights : None
            Not supported: a network has one output.
        metrics : list of str, Metric or callable, optional
            Of `fanin.metrics`; ``"accuracy"`` is the one that fits loss and outputs, see
            `fanin.metrics.resolve`. A function ``f(y_true, y_pred)`` of yours is one too.
        weighted_metrics : None
            Not supported.
        run_eagerly, steps_per_execution, jit_compile, auto_scale_loss : optional
            Here for Keras's signature: they say how Keras runs, not what it computes.

        Raises
        ------
        ValueError
            If a name is unknown; the message suggests the close match.
        TypeError
            If something is not of a kind that can be used.

        Warns
        -----
        UserWarning
            If the loss does not fit the last activation, such as logits to a softmax. An unbuilt
            network warns when it is trained or evaluated.
        """
        for name, value in (("loss_weights", loss_weights), ("weighted_metrics", weighted_metrics)):
            if value is not None:
                # Keras has loss_weights in the third place, where many a script has its metrics.
                hint = "; metrics are given by name: metrics=[...]" if name[0] == "l" else ""
                raise ValueError(
                    f"{name}: expected None, as a network has one output and metrics are not "
                    f"weighted, found {_checks.found(value)}{hint}"
                )
        chosen = optimizers.get(optimizer)
        if loss is None:
            raise ValueError(
                "loss: expected a loss, such as 'categorical_crossentropy', found None"
            )
        aim = losses.resolve(loss)
        check_mean(aim)
        wanted = as_metrics(metrics)
        # Names, and the kind of targets, do not depend on the number of outputs.
        resolve_all(wanted, aim, self._outputs() or 1)
        compiled = _training.Compiled(chosen, aim, wanted)
        if self.built:
            self._warn_of_outputs(compiled, self.ready())
        if self._compiled is not None:
            self._compiled.end()
        self._compiled = compiled.begin()

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self._compiled is not None

    def _choices(self) -> _training.Compiled:
        if self._compiled is None:
            raise NotReadyError("the model is not compiled: call compile(optimizer, loss) first")
        return self._compiled

    def _outputs(self) -> int | None:
        """Return the length of the outputs' last axis, if the network is built."""
        return self.output_shape[-1] if self.built else None

    @property
    def optimizer(self) -> optimizers.Optimizer:
        """The optimizer; an AttributeError before `compile`."""
        return self._choices().optimizer

    @property
    def loss(self) -> losses.Loss:
        """The loss; an AttributeError before `compile`."""
        return self._choices().loss

    @property
    def metrics(self) -> list[Metric]:
        """The metrics, once the network is built: before, "accuracy" has no meaning."""
        outputs = self._outputs()
        if self._compiled is None or outputs is None:
            return []
        return resolve_all(self._compiled.metrics, self._compiled.loss, outputs)

    @property
    def metrics_names(self) -> list[str]:
        """The names of what `evaluate` returns: "loss" and the metrics; empty before `compile`."""
        if self._compiled is None:
            return []
        given = self._compiled.metrics
        return ["loss", *(m if isinstance(m, str) else m.name for m in given)]

    @property
    def epoch(self) -> int:
        """Whole epochs trained since `compile`; kept in files and copies.

        ``fit(..., epochs=20, initial_epoch=model.epoch)`` goes on where training stopped.
        """
        return 0 if self._compiled is None else self._compiled.epochs

    @property
    def slots(self) -> dict[str, Array]:
        """The optimizer's arrays by name, each of the layout of `params`; empty before training."""
        compiled = self._choices()
        if compiled.slots is None:
            return {}
        slots = compiled.arranged(self.params)
        return dict(zip(compiled.optimizer.slot_names(), slots, strict=True))

    def _warn_of_outputs(self, compiled: _training.Compiled, plan: _core.Plan) -> None:
        """Warn, once, if the loss does not fit what the built network, of this plan, ends in."""
        assert self._plan is not None
        made_of, _ = self._plan
        if made_of is compiled.seen:
            return
        _, layers, _ = compiled.seen = made_of
        doubt = _outputs.doubt(compiled.loss, layers, plan.output_shapes[-1][-1])
        if doubt is not None and doubt != compiled.told:
            warn(doubt)
        compiled.told = doubt
