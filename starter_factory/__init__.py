"""Draws the scenes of the embedded model's second generation and trains it; it is no part of the installed package."""
