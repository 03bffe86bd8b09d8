"""What layers say of themselves: settings for the core, configurations for files."""

from typing import Any

from fanin import activations, initializers
from fanin._members._registry import CoreMember, own_arguments


class WithConfiguration(CoreMember):
    """A member with a name, and with initializers and perhaps an activation among its options."""

    name: str
    trainable: bool
    declared_dtype: str | None
    declared_shape: tuple[int, ...] | None

    @classmethod
    def _setting_names(cls) -> list[str]:
        names = super()._setting_names()
        settings = [name for name in names if not name.endswith("_initializer")]
        # What has arrays can train them.
        return settings if len(settings) == len(names) else [*settings, "trainable"]

    def _steady(self) -> bool:
        # A layer as activation has options of its own.
        activation = getattr(self, "activation", None) if "activation" in self._options else None
        return super()._steady() and not isinstance(activation, WithConfiguration)

    def initializer(self, role: str) -> initializers.Initializer:
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
        config.update((name, self._config_value(name)) for name in own_arguments(type(self)))
        return config

    def _config_value(self, name: str) -> Any:
        if name.endswith("_initializer"):
            return initializers.serialize(self.initializer(name.removesuffix("_initializer")))
        value = super()._config_value(name)
        return activations.serialize(value) if name == "activation" else value
