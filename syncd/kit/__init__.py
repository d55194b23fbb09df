"""What a connector is made with: the protocol, HTTP, limits, sandboxes, and the contract tests."""
