"""What an initialization does to signals and gradients, measured."""

from fanin.diagnosis._symmetry import LayerSymmetry, SymmetryReport, symmetry

__all__ = ["LayerSymmetry", "SymmetryReport", "symmetry"]
