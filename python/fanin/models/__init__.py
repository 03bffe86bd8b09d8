"""Networks that train: `Sequential`, `Model`, and `load_model`."""

from fanin._absences import _absent
from fanin.models._loading import clone_model, load_model, model_from_json
from fanin.models._model import Model
from fanin.models._sequential import Sequential

__all__ = ["Model", "Sequential", "clone_model", "load_model", "model_from_json"]

_absent.guard(__name__)
