"""The one gate before everything that is served: who asks, from where, and what may come in."""
