"""Networks as people write them, each a program of its own: a set that no rule was written for."""
