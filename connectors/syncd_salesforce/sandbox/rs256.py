"""Checks RS256 signatures with an RSA public key in PEM, since nothing else of the product needs cryptography.

What is not here: signing, private keys, any other algorithm. It guards a fake, not a secret.
"""

from __future__ import annotations

import base64
import hashlib
import re

_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")
_BITS = 0x03


def unb64(text: str) -> bytes:
    """Base64 of the URL alphabet without its padding; ValueError for anything else."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verified(signed: bytes, signature: bytes, pem: str) -> bool:
    """Whether the signature is of this text by this key (PKCS#1 v1.5, SHA-256). ValueError for no RSA key."""
    modulus, exponent = _key(pem)
    size = (modulus.bit_length() + 7) // 8
    tail = _SHA256 + hashlib.sha256(signed).digest()
    wanted = b"\x00\x01" + b"\xff" * (size - len(tail) - 3) + b"\x00" + tail
    return pow(int.from_bytes(signature), exponent, modulus).to_bytes(size) == wanted


def _key(pem: str) -> tuple[int, int]:
    """Modulus and exponent of a PUBLIC KEY or RSA PUBLIC KEY block."""
    body = re.sub(r"-----[^-]+-----|\s", "", pem)
    _, whole, _ = _element(base64.b64decode(body))
    tag, first, rest = _element(whole)
    if tag != 0x02:
        tag, bits, _ = _element(rest)
        if tag != _BITS:
            raise ValueError("this is no RSA public key")
        _, inner, _ = _element(bits[1:])
        _, first, rest = _element(inner)
    _, second, _ = _element(rest)
    return int.from_bytes(first), int.from_bytes(second)


def _element(der: bytes) -> tuple[int, bytes, bytes]:
    """Tag, content and what follows of the first DER element."""
    size, start = der[1], 2
    if size & 0x80:
        start = 2 + (size & 0x7F)
        size = int.from_bytes(der[2:start])
    return der[0], der[start : start + size], der[start + size :]
