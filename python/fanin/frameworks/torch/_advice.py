"""Lines of code that put a torch module right."""

from fanin.frameworks._advice import drawn_again

_MODULES = {"sigmoid": "Sigmoid", "softplus": "Softplus", "softsign": "Softsign"}


class TorchAdvice:
    """Code for modules of torch."""

    def dense(self, units: int, activation: str, initializer: str) -> str:
        """Draw the whole module again."""
        return drawn_again(initializer)

    def normalized(self, units: int, activation: str) -> str:
        """Write modules that normalize before the activation."""
        module = _MODULES.get(activation, activation.capitalize())
        return (
            f"torch.nn.Sequential(torch.nn.LazyLinear({units}, bias=False), "
            f"torch.nn.BatchNorm1d({units}), torch.nn.{module}())"
        )

    def leaky(self, units: int) -> str:
        """Write an activation whose units cannot die."""
        return "torch.nn.LeakyReLU(0.1)"

    def smaller(self, name: str, units: int, activation: str, factor: str, scale: str) -> str:
        """Multiply the weights."""
        return f'model.get_submodule("{name}").weight.data.mul_({factor})'

    def recalibrated(self) -> str:
        """Set running averages to the statistics of the data."""
        return "torch.optim.swa_utils.update_bn([x], model)"
