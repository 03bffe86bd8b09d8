"""What theory says of signals and gradients before training."""

from fanin.theory.gains import gain

__all__ = ["gain"]
