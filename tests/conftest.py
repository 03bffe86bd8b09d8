"""What all tests share."""

from hypothesis import HealthCheck, settings

# An example that takes long is one on a slow or loaded machine, and no failure.
settings.register_profile("uncounted", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("uncounted")
