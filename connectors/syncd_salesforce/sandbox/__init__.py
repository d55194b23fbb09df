"""A faithful fake Salesforce for this machine: SalesforceSandbox. No line of it is used against the real one."""

from syncd_salesforce.sandbox.server import SalesforceSandbox

__all__ = ["SalesforceSandbox"]
