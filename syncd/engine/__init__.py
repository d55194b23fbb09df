"""The engine: seven steps from mark to confirm, over one store and any connectors.

What is not here: the decision (`core`), the vendors (`kit`, connectors), the schedule (`service`).
"""
