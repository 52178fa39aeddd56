"""What the host offers to the code that runs here."""

from ringfence.tools import ToolError, tools

__all__ = ["ToolError", "tools"]
