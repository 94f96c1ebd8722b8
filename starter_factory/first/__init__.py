"""The embedded starter model: its drawn world and the training of its networks."""
