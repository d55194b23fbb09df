"""A faithful fake HubSpot for this machine: HubSpotSandbox. No line of it is used against the real one."""

from syncd_hubspot.sandbox.server import HubSpotSandbox

__all__ = ["HubSpotSandbox"]
