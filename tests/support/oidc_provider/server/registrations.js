// The registered clients, in a file that the tests write: it is read anew for each request, so that a client can get
// another key while the server runs. To oidc-provider this is the adapter of its model "Client".

const { randomBytes } = require('node:crypto');
const fs = require('node:fs');

exports.Registrations = class Registrations {
  #file;

  // What stands in for a federated client's proof once `federation.js` has verified it. Nobody else knows it.
  #inner = randomBytes(32).toString('hex');

  constructor(file) {
    this.#file = file;
  }

  #read() {
    return JSON.parse(fs.readFileSync(this.#file, 'utf8'));
  }

  get anyFederated() {
    return Object.values(this.#read()).some((client) => client.federated);
  }

  federation(clientId) {
    return this.#read()[clientId]?.federated;
  }

  get innerSecret() {
    return this.#inner;
  }

  async find(clientId) {
    const client = this.#read()[clientId];
    if (!client?.federated) {
      return client;
    }
    const { federated, ...metadata } = client;
    return { ...metadata, token_endpoint_auth_method: 'client_secret_post', client_secret: this.#inner };
  }
};
