"""The systemd unit that runs syncd: watched, started again, with its secrets handed over and nothing else in reach.

What is not here: what syncd tells systemd while it runs (`manager`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = "/var/lib/syncd"

_HARDENING = """\
# It reads its set-up, writes its own folder, and speaks to the network; the rest of the machine is not there for it.
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
ProtectProc=invisible
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
PrivateDevices=yes
PrivateTmp=yes
PrivateUsers=yes
DevicePolicy=closed
KeyringMode=private
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
UMask=0077
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What differs between machines. `credentials`: names that the config wants handed over.

    `memory`: the most it may take, as systemd writes it. `verb`: run, or work for one of several processes. `writes`:
    folders that it may write beside its own. A store that is a file must lie in `FOLDER`.
    """

    program: Path
    config: Path
    credentials: Sequence[str] = ()
    user: str = "syncd"
    memory: str = "512M"
    verb: str = "run"
    writes: Sequence[Path] = ()

    def text(self) -> str:
        """The unit file."""
        return "\n".join([*self._unit(), *self._service(), _HARDENING, *_INSTALL])

    def _unit(self) -> list[str]:
        return [
            "[Unit]",
            "Description=syncd: keeps a CRM and a contractor's system equal",
            "Wants=network-online.target",
            "After=network-online.target",
            "StartLimitIntervalSec=0",
            "",
        ]

    def _service(self) -> list[str]:
        handed = [f"LoadCredential={name}:{self.config.parent / 'credentials' / name}" for name in self.credentials]
        keys = f"ReadOnlyPaths={_word(self.config.parent / 'credentials', '-')}"  # they lie in what may be written
        written = [*(f"ReadWritePaths={_word(path)}" for path in self.writes), *([keys] if self.writes else [])]
        return [
            "[Service]",
            "Type=notify",
            f"ExecStart={self.program} {self.verb}",
            # The shell's own kill: a bare Debian has no other.
            'ExecReload=/bin/sh -c "kill -HUP ${MAINPID}"',
            f"Environment=SYNCD_CONFIG={self.config}",
            *handed,
            *written,
            f"User={self.user}",
            f"Group={self.user}",
            "StateDirectory=syncd",
            "StateDirectoryMode=0700",
            f"WorkingDirectory={FOLDER}",
            "Restart=always",
            "RestartSec=30",
            "WatchdogSec=120",
            "TimeoutStopSec=120",
            f"MemoryMax={self.memory}",
            "TasksMax=256",
        ]


def _word(path: Path, sign: str = "") -> str:
    """A path as one word of a setting: blanks part words there, and % begins a name of systemd's.

    `sign`: `-` where there may be no such path.
    """
    text = f"{sign}{path}".replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{text}"' if any(letter in text for letter in " \t'\"\\") else text


_INSTALL = ["[Install]", "WantedBy=multi-user.target", ""]
