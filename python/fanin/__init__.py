"""Initialize a neural network, see what that does to it, and train it."""
