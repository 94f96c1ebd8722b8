"""Image Studio: a recipe goes down, events come up."""

__version__ = "0.1.0"
