// Serves oidc-provider over TLS, at an issuer with or without a path. Usage: node server.js CONFIGURATION.JSON

const fs = require('node:fs');
const https = require('node:https');

const { Provider } = require('oidc-provider');

const { configuration } = require('./configuration.js');
const { authenticateFederated } = require('./federation.js');
const { Journal } = require('./journal.js');
const { Registrations } = require('./registrations.js');

const settings = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const registrations = new Registrations(settings.registrations);
const provider = new Provider(settings.issuer, configuration(registrations, settings.resource));
new Journal(settings.journal).follow(provider);

const issuer = new URL(settings.issuer);
const path = issuer.pathname.replace(/\/$/, '');
const handle = provider.callback();

const serve = async (request, response) => {
  if (!request.url.startsWith(`${path}/`)) {
    response.writeHead(404).end();
    return;
  }
  request.originalUrl = request.url; // by these two the package knows where it is mounted
  request.url = request.url.slice(path.length);
  await authenticateFederated(request, registrations);
  handle(request, response);
};

const tls = { cert: fs.readFileSync(settings.certificate), key: fs.readFileSync(settings.privateKey) };
https.createServer(tls, serve).listen(Number(issuer.port), '127.0.0.1');
