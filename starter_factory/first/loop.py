"""The training loop, by the name that the starter's stages know it by."""

from studio.training.loop import Batch, Plan, Team, autocast, checkpoint_of, fit, load_average

__all__ = ["Batch", "Plan", "Team", "autocast", "checkpoint_of", "fit", "load_average"]
