"""The main commands in one call, on synthetic people: from drawing them to identifying one of them."""

from tf3dlocal.demo.steps import run_demo

__all__ = ["run_demo"]
