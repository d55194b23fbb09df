"""The set-up: config.toml and the environment, read into one frozen Config with every mistake reported at once.

What is not here: maps (`syncd.fieldmaps`), and what a vendor needs (connectors declare it, the app hands it in).
"""

from syncd.config.load import find, load, secrets, try_text, variables
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

__all__ = [
    "AlertsConfig",
    "AuditConfig",
    "Config",
    "ConsoleConfig",
    "Guard",
    "LogConfig",
    "PairConfig",
    "RetentionConfig",
    "SystemConfig",
    "SystemShape",
    "TimingConfig",
    "WebConfig",
    "find",
    "load",
    "secrets",
    "try_text",
    "variables",
]
