"""Accounts: who may use a studio that is served to others, and as what; off on a machine of one's own."""
