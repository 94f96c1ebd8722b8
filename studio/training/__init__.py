"""Training of models and adapters."""
