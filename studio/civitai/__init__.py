"""Civitai: what it publishes of a file, found by the file's hash or by its address, and files that it gives away."""
