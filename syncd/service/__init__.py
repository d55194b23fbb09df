"""What runs the engine for months: the daemon and its schedule, several processes, webhooks, the nights, the log.

What is not here: decisions about records (`syncd.engine`).
"""
