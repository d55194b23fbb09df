"""An RS256 signature with a private key, for the assertion of the JWT bearer flow. Pure.

It signs our own few words once in an hour or so, so it need not be quick, nor hide how long it takes.

What is not here: encrypted keys, other algorithms, and checking of signatures.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

_PEM = re.compile(r"-----BEGIN (?:RSA )?PRIVATE KEY-----(.+?)-----END (?:RSA )?PRIVATE KEY-----", re.DOTALL)
_BARE = re.compile(r"([A-Za-z0-9+/]{100,}={0,2})\Z")
_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")
"""What stands in front of a SHA-256 digest by PKCS #1."""

_INTEGER, _SEQUENCE = 0x02, 0x30
_SMALLEST_BITS = 2048


class NoKey(ValueError):
    """A text that is no RSA private key. Its words never hold the text."""


@dataclass(frozen=True, slots=True)
class Key:
    """The modulus and the private exponent."""

    n: int
    d: int

    def sign(self, message: bytes) -> bytes:
        """The signature of a message, as long as the modulus."""
        size = (self.n.bit_length() + 7) // 8
        digest = _SHA256 + hashlib.sha256(message).digest()
        padded = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
        return pow(int.from_bytes(padded, "big"), self.d, self.n).to_bytes(size, "big")


def read(text: str) -> Key:
    """The key of a PEM text, or of what stands between its first and last line, in one line; PKCS #1 or #8.

    NoKey for an encrypted one and anything else.
    """
    found = _PEM.search(text) or _BARE.match(text.strip())
    if found is None:
        raise NoKey("it is no unencrypted RSA private key")
    try:
        parts = _parts(_inner(base64.b64decode("".join(found[1].split()), validate=True)))
        if parts[1][0] == _SEQUENCE:  # PKCS #8 wraps the key: version, algorithm, and the key as octets
            parts = _parts(_inner(parts[2][1]))
        numbers = [int.from_bytes(value, "big") for tag, value in parts if tag == _INTEGER]
        key = Key(n=numbers[1], d=numbers[3])
    except (binascii.Error, IndexError, ValueError) as error:
        raise NoKey("it cannot be read as an RSA private key") from error
    if key.n.bit_length() < _SMALLEST_BITS:
        raise NoKey(f"its key is shorter than {_SMALLEST_BITS} bits")
    return key


def _inner(raw: bytes) -> bytes:
    """What a DER sequence holds."""
    ((tag, value), *_) = _parts(raw)
    if tag != _SEQUENCE:
        raise ValueError("no sequence")
    return value


def _parts(raw: bytes) -> list[tuple[int, bytes]]:
    """The tag and the value of each DER element."""
    found, at = [], 0
    while at < len(raw):
        tag, size, at = raw[at], raw[at + 1], at + 2
        if size & 0x80:
            width = size & 0x7F
            size, at = int.from_bytes(raw[at : at + width], "big"), at + width
        if at + size > len(raw):
            raise ValueError("cut short")
        found.append((tag, raw[at : at + size]))
        at += size
    return found
