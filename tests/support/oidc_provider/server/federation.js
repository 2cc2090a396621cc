// Ours, not the package's: client authentication by a token of another issuer (RFC 7523, sections 2.2 and 3).
//
// oidc-provider takes an assertion only from the client itself: `iss` must be the client id. A ServiceAccount's token has
// the API server as `iss`. So it is verified here, before the package sees the request: signature, algorithm, issuer,
// subject, audience and expiry, all exact, and each token once. What is well is handed on with a secret that only this
// process knows in its place; what is not, with a wrong one, and the package refuses it as it does any other proof.

const querystring = require('node:querystring');

const { createLocalJWKSet, jwtVerify } = require('jose');

const used = new Set();

const readForm = async (request) => {
  const chunks = [];
  for await (const chunk of request) {
    chunks.push(chunk);
  }
  return querystring.parse(Buffer.concat(chunks).toString());
};

const isProof = async (assertion, { jwks, issuer, subject, audience }) => {
  try {
    const { payload } = await jwtVerify(assertion, createLocalJWKSet(jwks), {
      algorithms: ['RS256', 'ES256'],
      issuer,
      subject,
      requiredClaims: ['aud', 'exp', 'jti'],
    });
    const fresh = !used.has(payload.jti);
    used.add(payload.jti);
    return fresh && [payload.aud].flat().join('\n') === audience;
  } catch {
    return false;
  }
};

exports.authenticateFederated = async (request, registrations) => {
  if (request.method !== 'POST' || !registrations.anyFederated) {
    return;
  }
  const form = await readForm(request);
  request.body = form; // where the package looks when the stream was read
  const trust = registrations.federation(form.client_id);
  if (trust && form.client_assertion_type === 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer') {
    const { client_assertion, client_assertion_type, ...rest } = form;
    const proven = await isProof(client_assertion, trust);
    request.federatedForm = form;
    request.body = { ...rest, client_secret: proven ? registrations.innerSecret : 'not proven' };
  }
};
