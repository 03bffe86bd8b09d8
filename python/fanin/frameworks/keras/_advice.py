"""Lines of code that put a Keras model right."""

from fanin.frameworks._advice import LayersAdvice, drawn_again


class KerasAdvice(LayersAdvice):
    """Code for models of Keras."""

    prefix = "keras.layers."

    def dense(self, units: int, activation: str, initializer: str) -> str:
        """Draw the whole model again."""
        return drawn_again(initializer)

    def smaller(self, name: str, units: int, activation: str, factor: str, scale: str) -> str:
        """Multiply the weights."""
        kernel = f'model.get_layer("{name}").kernel'
        return f"{kernel}.assign({factor} * {kernel})"

    def recalibrated(self) -> str:
        """Set running averages to the statistics of the data."""
        return "for _ in range(500): model(x, training=True)"
