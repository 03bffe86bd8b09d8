"""Us against the peers: who is measured, how, and what comes out. ``python -m peers --help``."""
