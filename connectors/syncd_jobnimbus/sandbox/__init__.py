"""A faithful fake JobNimbus for tests, demos and the lab. It serves 127.0.0.1 only and is no part of a live sync."""

from syncd_jobnimbus.sandbox.server import JobNimbusSandbox

__all__ = ["JobNimbusSandbox"]
