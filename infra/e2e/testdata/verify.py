"""Verifies an access token with PyJWT, knowing nothing but the address of the discovery document.

usage: verify.py TOKEN DISCOVERY_URL

Prints the claims as JSON. A token that is refused ends it with the name of PyJWT's error and exit status 1.
"""

import json
import sys
import urllib.request

import jwt


def verify(token, discovery_url):
    with urllib.request.urlopen(discovery_url, timeout=10) as answer:
        found = json.load(answer)
    issuer = found["issuer"]
    # OpenID Connect Discovery 1.0 §4.3: the issuer is where its document was found.
    assert discovery_url == issuer + "/.well-known/openid-configuration", issuer
    key = jwt.PyJWKClient(found["jwks_uri"], timeout=10).get_signing_key_from_jwt(token)
    return jwt.decode(
        token,
        key,
        algorithms=found["id_token_signing_alg_values_supported"],
        issuer=issuer,
        audience=issuer,
        options={"require": ["iss", "sub", "aud", "exp", "iat", "jti"]},
    )


try:
    print(json.dumps(verify(*sys.argv[1:])))
except jwt.InvalidTokenError as refusal:
    sys.exit(type(refusal).__name__)
