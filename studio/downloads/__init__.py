"""Weights of all sorts: what is here, what can be had, and its way here in a line of its own."""
