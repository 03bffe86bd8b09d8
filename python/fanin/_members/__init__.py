"""What every class of a registry shares: checked attributes, names, configurations, signatures."""


def ours(cls: type) -> bool:
    """Return whether a class is the package's own, not a user's."""
    return cls.__module__.partition(".")[0] == __name__.partition(".")[0]
