// The whole way of two clients with openid-client: discovery, PKCE, id token, user info, refresh,
// introspection, revocation. Arguments: the issuer, a person's session token, a client's secret.
import { createRequire } from 'node:module';
import assert from 'node:assert/strict';

const require = createRequire(`${process.env.LATCHKEY_TEST_NODE_MODULES}/`);
const { Issuer, generators } = require('openid-client');

const [name, session, secret] = process.argv.slice(2);
const redirect_uri = 'https://app.example.com/cb';
const issuer = await Issuer.discover(name);
assert.equal(issuer.metadata.issuer, name);

// Asks for a code as the person's browser would, and exchanges it.
async function logIn(client, scope) {
  const code_verifier = generators.codeVerifier();
  const [state, nonce] = [generators.state(), generators.nonce()];
  const url = client.authorizationUrl({
    scope,
    state,
    nonce,
    max_age: 600,
    code_challenge: generators.codeChallenge(code_verifier),
    code_challenge_method: 'S256',
  });
  const headers = { authorization: `Bearer ${session}` };
  const answer = await fetch(url, { redirect: 'manual', headers });
  assert.equal(answer.status, 303);
  const params = client.callbackParams(answer.headers.get('location'));
  const checks = { code_verifier, state, nonce, max_age: 600, response_type: 'code' };
  // Checks the signature, iss, aud, nonce, at_hash and auth_time, and the iss of the answer.
  return client.callback(redirect_uri, params, checks);
}

const refused = (error) => (it) => {
  assert.equal(it.error, error, it.message);
  return true;
};

// A client of ours: public, and its access token is the session.
const web = new issuer.Client({
  client_id: 'web',
  token_endpoint_auth_method: 'none',
  redirect_uris: [redirect_uri],
  response_types: ['code'],
});
const own = await logIn(web, 'openid phone');
const info = await web.userinfo(own);
assert.equal(info.sub, own.claims().sub);
assert.equal(info.phone_number, '+8613800138000');
assert.equal(own.refresh_token, undefined);
await web.revoke(own.access_token);
await assert.rejects(web.userinfo(own.access_token), refused('invalid_token'));

// The key of RFC 7515, A.3.
const key = {
  kty: 'EC',
  crv: 'P-256',
  x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
  y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
  d: 'jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI',
};

// Trusted clients: with a secret, shown in either way, and with a key.
const bySecret = (method) => [
  { client_id: 'partner', client_secret: secret, token_endpoint_auth_method: method },
];
const byKey = [
  {
    client_id: 'signer',
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
  },
  { keys: [key] },
];
for (const [about, keys] of [
  bySecret('client_secret_basic'),
  bySecret('client_secret_post'),
  byKey,
]) {
  const client = { ...about, redirect_uris: [redirect_uri], response_types: ['code'] };
  const partner = new issuer.Client(client, keys);
  const tokens = await logIn(partner, 'openid profile');
  assert.equal((await partner.userinfo(tokens)).sub, own.claims().sub);
  const next = await partner.refresh(tokens);
  assert.notEqual(next.refresh_token, tokens.refresh_token);
  assert.equal(next.claims().sub, own.claims().sub);
  assert.equal((await partner.introspect(next.access_token)).active, true);
  await partner.revoke(next.refresh_token, 'refresh_token');
  assert.deepEqual(await partner.introspect(next.access_token), { active: false });
  await assert.rejects(partner.refresh(next.refresh_token), refused('invalid_grant'));
}

// Whoever has not proven anything is told so.
const stranger = new issuer.Client({
  client_id: 'partner',
  client_secret: 'wrong',
  redirect_uris: [redirect_uri],
  response_types: ['code'],
});
await assert.rejects(stranger.refresh('x'), refused('invalid_client'));
console.log('openid-client is content');
