"""Verifies an access token with PyJWT, using only the address of the discovery document.

usage: verify.py TOKEN DISCOVERY_URL

Prints the claims as JSON. If the token is refused, it ends with the name of the error of PyJWT and exit status 1.
"""

import json
import sys
import urllib.request

import jwt


def verify(token, discovery_url):
    with urllib.request.urlopen(discovery_url, timeout=10) as response:
        metadata = json.load(response)
    issuer = metadata["issuer"]
    # OpenID Connect Discovery 1.0 §4.3: the issuer is the base address of its document.
    assert discovery_url == issuer + "/.well-known/openid-configuration", issuer
    key = jwt.PyJWKClient(metadata["jwks_uri"], timeout=10).get_signing_key_from_jwt(token)
    return jwt.decode(
        token,
        key,
        algorithms=metadata["id_token_signing_alg_values_supported"],
        issuer=issuer,
        audience=issuer,
        options={"require": ["iss", "sub", "aud", "exp", "iat", "jti"]},
    )


try:
    print(json.dumps(verify(*sys.argv[1:])))
except jwt.InvalidTokenError as refusal:
    sys.exit(type(refusal).__name__)
