"""What layers say of themselves: settings for the core, configurations for files."""

from typing import TYPE_CHECKING, Any

from fanin import activations, initializers
from fanin._members._registry import CoreMember, own_arguments

if TYPE_CHECKING:
    from fanin._members._member import Option
    from fanin.regularizers import Regularizer
    from fanin.typing import RegularizerLike

_DEMANDS = ("_regularizer", "_constraint")
"""How the names of options end that are asked of arrays or outputs: they may be None."""


class WithConfiguration(CoreMember):
    """A member with a name, and with initializers and perhaps an activation among its options."""

    name: str
    trainable: bool
    declared_dtype: str | None
    declared_shape: tuple[int, ...] | None
    if TYPE_CHECKING:
        activity_regularizer: "Option[Regularizer | None, RegularizerLike | None]"
    else:
        activity_regularizer = None

    @classmethod
    def _setting_names(cls) -> list[str]:
        names = super()._setting_names()
        settings = [name for name in names if not name.endswith(("_initializer", *_DEMANDS))]
        # What has arrays can train them.
        holds = any(name.endswith("_initializer") for name in names)
        return [*settings, "trainable"] if holds else settings

    def settings(self) -> dict[str, object]:
        """Return the settings of this object for the core.

        Returns
        -------
        dict
            ``kind``, the options, and what is asked of its arrays and outputs.
        """
        return {**super().settings(), **self._demands()}

    def _demands(self) -> dict[str, dict[str, object]]:
        """Return the settings of regularizers and constraints, of those that there are."""
        asked = {name: getattr(self, name) for name in self._options if name.endswith(_DEMANDS)}
        return {name: member._settings() for name, member in asked.items() if member is not None}

    def _steady(self) -> bool:
        # A layer as activation has options of its own.
        activation = getattr(self, "activation", None) if "activation" in self._options else None
        steady = super()._steady() and not isinstance(activation, WithConfiguration)
        return steady and not self._demands()  # whose numbers may be set

    def _initializer_of(self, role: str) -> initializers.Initializer:
        """Return the initializer of the array called `role`."""
        found: initializers.Initializer = getattr(self, f"{role}_initializer")
        return found

    def get_config(self) -> dict[str, object]:
        """Return the arguments that make an equal layer, without its arrays.

        A dtype and a shape are among them only if the layer was made with them.

        Returns
        -------
        dict
            Arguments by name.
        """
        config: dict[str, Any] = {"name": self.name, "trainable": self.trainable}
        if self.declared_dtype is not None:
            config["dtype"] = self.declared_dtype
        if self.declared_shape is not None:
            config["input_shape"] = self.declared_shape
        names = [*own_arguments(type(self)), "activity_regularizer"]
        config.update(
            (name, self._config_value(name))
            for name in names
            if not name.endswith(_DEMANDS) or getattr(self, name) is not None
        )
        return config

    def _config_value(self, name: str) -> Any:
        if name.endswith("_initializer"):
            return initializers.serialize(self._initializer_of(name.removesuffix("_initializer")))
        if name.endswith(_DEMANDS):
            from fanin import constraints, regularizers

            module: Any = regularizers if name.endswith("_regularizer") else constraints
            return module.serialize(getattr(self, name))
        value = super()._config_value(name)
        return activations.serialize(value) if name == "activation" else value
