"""A recipe as a script of diffusers that needs nothing of the studio."""
