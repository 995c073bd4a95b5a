"""Judges license tokens with PyJWT, Authlib and joserfc, by nothing but the registry's JWKS.

Standard input:  {"jwks", "issuer", "audience", "tokens": [text, ...]}
Standard output: [{"pyjwt": {"claims"} | {"error"}, "authlib": the same, "joserfc": the same}, ...]
"""

import json
import sys
import warnings

import jwt
from joserfc import jwt as jose
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

# Authlib tells its users to move to joserfc one day.
warnings.simplefilter("ignore")
from authlib.jose import JsonWebKey, JsonWebToken  # noqa: E402
from authlib.jose.errors import JoseError as AuthlibError  # noqa: E402

REQUIRED = ["iss", "sub", "aud", "jti", "iat", "nbf", "exp"]


def by_pyjwt(token, jwks, issuer, audience):
    keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(jwks).keys}
    try:
        key = keys[jwt.get_unverified_header(token)["kid"]]
        claims = jwt.decode(
            token, key, algorithms=["ES256"], audience=audience, issuer=issuer, options={"require": REQUIRED}
        )
        return {"claims": claims}
    except (jwt.PyJWTError, KeyError) as error:
        return {"error": type(error).__name__}


def by_authlib(token, jwks, issuer, audience):
    options = {name: {"essential": True} for name in REQUIRED}
    options["iss"]["value"] = issuer
    options["aud"]["value"] = audience
    try:
        claims = JsonWebToken(["ES256"]).decode(token, JsonWebKey.import_key_set(jwks), claims_options=options)
        claims.validate()
        return {"claims": claims}
    except (AuthlibError, ValueError) as error:
        return {"error": type(error).__name__}


def by_joserfc(token, jwks, issuer, audience):
    registry = jose.JWTClaimsRegistry(
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": audience},
        **{name: {"essential": True} for name in REQUIRED if name not in ("iss", "aud")},
    )
    try:
        decoded = jose.decode(token, KeySet.import_key_set(jwks), algorithms=["ES256"])
        registry.validate(decoded.claims)
        return {"claims": decoded.claims}
    except (JoseError, ValueError) as error:
        return {"error": type(error).__name__}


asked = json.load(sys.stdin)
common = (asked["jwks"], asked["issuer"], asked["audience"])
judges = {"pyjwt": by_pyjwt, "authlib": by_authlib, "joserfc": by_joserfc}
json.dump(
    [{name: judge(token, *common) for name, judge in judges.items()} for token in asked["tokens"]],
    sys.stdout,
)
