"""The whole way of a client with Authlib: discovery, PKCE, id token, user info, refresh,
introspection, revocation. Arguments: the issuer, a person's session token, a client's secret."""

import os
import sys
import time

# The test's server speaks plain HTTP on this machine.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

import requests
from authlib.common.security import generate_token
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.jose import JsonWebKey, jwt
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oidc.core import CodeIDToken

issuer, session_token, secret = sys.argv[1:]
CALLBACK = "https://app.example.com/cb"
about = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=10).json()
assert about["issuer"] == issuer, about
keys = JsonWebKey.import_key_set(requests.get(about["jwks_uri"], timeout=10).json())


def log_in(client, client_id):
    """Asks for a code as the person's browser would, exchanges it, and checks the id token."""
    verifier, nonce = generate_token(48), generate_token(20)
    url, state = client.create_authorization_url(
        about["authorization_endpoint"], code_verifier=verifier, nonce=nonce
    )
    headers = {"Authorization": f"Bearer {session_token}"}
    answer = requests.get(url, headers=headers, allow_redirects=False, timeout=10)
    assert answer.status_code == 303, answer.text
    token = client.fetch_token(
        about["token_endpoint"],
        authorization_response=answer.headers["Location"],
        state=state,
        code_verifier=verifier,
    )
    claims = jwt.decode(
        token["id_token"],
        keys,
        claims_cls=CodeIDToken,
        claims_options={
            "iss": {"essential": True, "value": issuer},
            "aud": {"essential": True, "value": client_id},
            "nonce": {"essential": True, "value": nonce},
            "at_hash": {"essential": True},
            "auth_time": {"essential": True},
        },
        claims_params={
            "nonce": nonce,
            "client_id": client_id,
            "access_token": token["access_token"],
        },
    )
    claims.validate()
    info = client.get(about["userinfo_endpoint"]).json()
    assert info["sub"] == claims["sub"], info
    return token, claims


options = {"redirect_uri": CALLBACK, "scope": "openid phone", "code_challenge_method": "S256"}
web = OAuth2Session("web", token_endpoint_auth_method="none", **options)
token, own = log_in(web, "web")
assert "refresh_token" not in token, "a client of ours has the session itself"
assert web.revoke_token(about["revocation_endpoint"], token["access_token"]).status_code == 200
assert web.get(about["userinfo_endpoint"]).status_code == 401


class ShortLived(PrivateKeyJWT):
    """Assertions of two minutes: Authlib's own are good for an hour, which is too long. It writes
    the `jti` into the claims that it is given, so each assertion gets new ones."""

    def sign(self, auth, token_endpoint):
        self.claims = {"exp": int(time.time()) + 120}
        return super().sign(auth, token_endpoint)


# That of RFC 7515, A.3.
key = JsonWebKey.import_key(
    {
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
    }
)
for client_id, proof, method in [
    ("partner", secret, "client_secret_basic"),
    ("partner", secret, "client_secret_post"),
    ("signer", key, "private_key_jwt"),
]:
    partner = OAuth2Session(
        client_id,
        proof,
        token_endpoint_auth_method=method,
        revocation_endpoint_auth_method=method,
        **options,
    )
    partner.register_client_auth_method(ShortLived(about["token_endpoint"], alg="ES256"))
    token, claims = log_in(partner, client_id)
    assert claims["sub"] == own["sub"]
    following = partner.refresh_token(about["token_endpoint"], token["refresh_token"])
    assert following["refresh_token"] != token["refresh_token"]
    seen = partner.introspect_token(about["introspection_endpoint"], following["access_token"])
    assert seen.json()["active"] is True, seen.text
    ended = partner.revoke_token(about["revocation_endpoint"], following["refresh_token"])
    assert ended.status_code == 200, ended.text
    seen = partner.introspect_token(about["introspection_endpoint"], following["access_token"])
    assert seen.json() == {"active": False}, seen.text
    try:
        partner.refresh_token(about["token_endpoint"], following["refresh_token"])
        raise SystemExit("a token that was revoked was refreshed")
    except OAuthError as error:
        assert error.error == "invalid_grant", error

print("Authlib is content")
