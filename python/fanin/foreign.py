"""What `fanin.frameworks` was called; the next release does not have it."""

from typing import TYPE_CHECKING, Any

from fanin import _checks, frameworks
from fanin._absences import _absent

if TYPE_CHECKING:
    from fanin.frameworks import DEFAULTS as DEFAULTS
    from fanin.frameworks import WEIGHTS as WEIGHTS
    from fanin.frameworks import Layer as Layer
    from fanin.frameworks import Model as Model
    from fanin.frameworks import Parameter as Parameter
    from fanin.frameworks import opened as opened
else:

    def __getattr__(name: str) -> Any:
        if name not in frameworks.__all__:
            return _absent.find("fanin.frameworks", name)
        _checks.warn(
            f"fanin.foreign is now fanin.frameworks, and goes with the next release: use "
            f"fanin.frameworks.{name}",
            DeprecationWarning,
        )
        return getattr(frameworks, name)


def __dir__() -> list[str]:
    return list(frameworks.__all__)
