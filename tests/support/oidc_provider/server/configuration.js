// What oidc-provider is told: clients get JWTs by their own credentials, and nobody logs in.

const { generateKeyPairSync } = require('node:crypto');

const { default: MemoryAdapter } = require('oidc-provider/lib/adapters/memory_adapter.js');

const SCOPE = 'read write';

const publishedKey = (alg, type, options) => ({
  ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), alg, kid: alg, use: 'sig',
});

exports.configuration = (registrations, resource) => ({
  adapter: (model) => (model === 'Client' ? registrations : new MemoryAdapter(model)),
  clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
  enabledJWA: {
    clientAuthSigningAlgValues: ['RS256', 'PS256', 'ES256', 'ES384', 'ES512'],
  },
  extraClientMetadata: { properties: ['access_token_ttl', 'access_token_alg'] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => resource,
      getResourceServerInfo: (_, indicator, client) => ({
        scope: SCOPE,
        audience: indicator,
        accessTokenFormat: 'jwt',
        accessTokenTTL: client.access_token_ttl,
        jwt: { sign: { alg: client.access_token_alg } },
      }),
    },
  },
  jwks: {
    keys: [
      publishedKey('RS256', 'rsa', { modulusLength: 2048 }),
      publishedKey('ES256', 'ec', { namedCurve: 'P-256' }),
    ],
  },
  scopes: SCOPE.split(' '),
  ttl: { ClientCredentials: (_, token) => token.resourceServer.accessTokenTTL },
});
