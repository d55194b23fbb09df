"""The private key of the JWT bearer flow, as an operator's file holds it.

What is not here: signing (`tokens`, by PyJWT), and encrypted keys: a service cannot ask for a password.
"""

from __future__ import annotations

import base64
import binascii

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

_SMALLEST_BITS = 2048


class NoKey(ValueError):
    """A text that is no RSA private key. Its words never hold the text."""


def read(text: str) -> RSAPrivateKey:
    """The key of a PEM text, or of what stands between its first and last line, in one line; PKCS #1 or #8.

    NoKey for an encrypted one and anything else.
    """
    try:
        if "-----BEGIN" in text:
            key = load_pem_private_key(text.encode(), None)
        else:
            key = load_der_private_key(base64.b64decode("".join(text.split()), validate=True), None)
    except TypeError:
        raise NoKey("it is encrypted") from None
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        raise NoKey("it cannot be read as a private key") from None
    if not isinstance(key, RSAPrivateKey):
        raise NoKey("it is no RSA key")
    if key.key_size < _SMALLEST_BITS:
        raise NoKey(f"its key is shorter than {_SMALLEST_BITS} bits")
    return key
