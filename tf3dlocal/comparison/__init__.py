"""Several configs under one protocol with the same budget, seeds and data, in one report shaped as the papers' tables."""

from tf3dlocal.comparison.compare import compare
from tf3dlocal.comparison.print_comparison import print_comparison

__all__ = ["compare", "print_comparison"]
