"""Loading what was saved with classes of one's own; the names are Keras's."""

from fanin._absences import _absent
from fanin._members._custom import (
    custom_object_scope,
    get_custom_objects,
    register_keras_serializable,
)
from fanin.models import load_model

CustomObjectScope = custom_object_scope

__all__ = [
    "CustomObjectScope",
    "custom_object_scope",
    "get_custom_objects",
    "load_model",
    "register_keras_serializable",
]


_absent.guard(__name__)
