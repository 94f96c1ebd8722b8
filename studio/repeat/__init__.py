"""Do the same to these: the way that a picture went, for other pictures or other prompts."""
