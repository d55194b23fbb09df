"""Salesforce for syncd: the connector, found by its entry point. Its fake server is `syncd_salesforce.sandbox`."""

from syncd_salesforce.connector import Salesforce

__all__ = ["Salesforce"]
