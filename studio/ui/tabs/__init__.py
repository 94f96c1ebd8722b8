"""The page's tabs: one file each."""

from studio.registry import Registry
from studio.ui.tabs.base import Tab

# The contract is abstract; its members are not.
TABS: Registry[Tab] = Registry("studio.ui.tabs", "TAB", Tab)  # type: ignore[type-abstract]
