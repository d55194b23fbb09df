"""The command line: every verb of `syncd`, and how an error becomes one clear line and an exit code.

What is not here: work. A command opens the app, asks it one thing and shows the answer.

| exit code | meaning |
|---|---|
| 0 | done, and nothing waits for you |
| 1 | done, but something needs a person: a conflict, a parked record, a held run, a failed map test |
| 2 | the set-up is wrong, or the command was typed wrong |
| 3 | a vendor refuses the key or a permission |
| 4 | it may work later: a vendor or the network is down, or the answer to a write was lost |
| 70 | a bug in syncd |
| 130 | stopped by Ctrl-C |
"""

from syncd.cli.failures import main

__all__ = ["main"]
