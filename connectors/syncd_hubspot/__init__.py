"""HubSpot for syncd: the connector, found by its entry point. Its fake server is `syncd_hubspot.sandbox`."""

from syncd_hubspot.connector import HubSpot

__all__ = ["HubSpot"]
