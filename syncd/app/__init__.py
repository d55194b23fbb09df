"""The composition root: the one package that knows everybody. It builds the world from a config and asks it to work.

What is not here: any decision, any rendering.
"""

from syncd.app.verbs import App

__all__ = ["App"]
