"""The set-up: config.toml and the environment, read into one frozen Config with every mistake reported at once.

What is not here: maps (`syncd.fieldmaps`), and what a vendor needs (connectors declare it, the app hands it in).
"""

from syncd.config.load import NAME, find, kept, load, secrets, try_text, variables
from syncd.config.model import (
    AlertsConfig,
    AuditConfig,
    Config,
    ConsoleConfig,
    Guard,
    LogConfig,
    PairConfig,
    RetentionConfig,
    SystemConfig,
    SystemShape,
    TimingConfig,
    WebConfig,
)
from syncd.config.values import CREDENTIALS, Kept, Wrong, a_key

__all__ = [
    "CREDENTIALS",
    "NAME",
    "AlertsConfig",
    "AuditConfig",
    "Config",
    "ConsoleConfig",
    "Guard",
    "Kept",
    "LogConfig",
    "PairConfig",
    "RetentionConfig",
    "SystemConfig",
    "SystemShape",
    "TimingConfig",
    "WebConfig",
    "Wrong",
    "a_key",
    "find",
    "kept",
    "load",
    "secrets",
    "try_text",
    "variables",
]
