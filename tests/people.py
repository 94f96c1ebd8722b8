"""Who asks, where a test is nobody's page and no command."""

from studio.gate.identity import Identity


def who(owner: str, *, here: bool = True, address: str = "") -> Identity:
    """Somebody at this machine, or at an address elsewhere."""
    return Identity("browser", owner, here, address)
