"""Holds the studio against bare diffusers on one machine: the same pictures by both, their pixels, time and memory."""
