// What the tests may know of each token request: one line of JSON in a file. Secrets and assertions never stand in it.

const fs = require('node:fs');

const { decodeJwt, decodeProtectedHeader } = require('jose');

const assertionOf = (assertion) => {
  try {
    return { header: decodeProtectedHeader(assertion), claims: decodeJwt(assertion) };
  } catch {
    return undefined;
  }
};

const methodOf = (ctx, { client_assertion, client_secret }) => {
  if (ctx.headers.authorization) {
    return 'client_secret_basic';
  }
  return client_assertion ? 'client_assertion' : client_secret && 'client_secret_post';
};

exports.Journal = class Journal {
  #file;

  constructor(file) {
    this.#file = file;
  }

  follow(provider) {
    const faults = new WeakMap();
    provider.on('grant.error', (ctx, error) => faults.set(ctx, error.error_detail ?? error.message));
    provider.on('server_error', (ctx, error) => console.error(error.stack));
    provider.use(async (ctx, next) => {
      await next();
      if (ctx.oidc?.route === 'token') {
        this.#write(ctx, faults.get(ctx));
      }
    });
  }

  #write(ctx, fault) {
    const form = { ...(ctx.req.federatedForm ?? ctx.oidc.body) };
    const { client_secret, client_assertion, client_assertion_type, ...parameters } = form;
    const entry = {
      client_id: ctx.oidc.client?.clientId ?? form.client_id,
      status: ctx.status,
      error: ctx.body?.error,
      fault,
      method: methodOf(ctx, form),
      parameters,
      assertion: assertionOf(client_assertion),
    };
    fs.appendFileSync(this.#file, `${JSON.stringify(entry)}\n`);
  }
};
