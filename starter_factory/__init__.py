"""Draws the scenes of the embedded model and trains it; it is no part of the installed package."""
