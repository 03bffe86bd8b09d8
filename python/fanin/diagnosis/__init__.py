"""What an initialization does to signals and gradients, measured."""
