// Proxies behind TLS: whom the server trusts, and as whom it calls.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { Backend } from '../lib/backend.mjs';
import { JSON_SOCKET, testIn } from '../lib/forms.mjs';
import { atOnce } from '../lib/harness.mjs';
import { Target } from '../lib/target.mjs';

atOnce(4);

const NAME = 'backend.internal';

// An authority, and what it signs for a server called NAME and for a client.
class Authority {
  constructor(context) {
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'proxy_tls-'));
    context.after(() => fs.rmSync(this.folder, { recursive: true }));
    this.make('authority', '/CN=An authority', []);
  }

  file(name) {
    return path.join(this.folder, name);
  }

  make(name, subject, more) {
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt',
      'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', subject,
      '-keyout', this.file(`${name}.key`), '-out', this.file(`${name}.pem`), ...more],
    { stdio: 'pipe' });
  }

  // {cert, key}: PEM texts.
  sign(name, subject, extension) {
    this.make(name, subject, ['-CA', this.file('authority.pem'), '-CAkey',
      this.file('authority.key'), '-addext', extension, '-addext', 'basicConstraints=CA:FALSE']);
    const [cert, key] = ['pem', 'key'].map((end) =>
      fs.readFileSync(this.file(`${name}.${end}`), 'utf8'));
    return { cert, key };
  }

  get pem() {
    return fs.readFileSync(this.file('authority.pem'), 'utf8');
  }
}

function rpcBackend(t, authority, options = {}) {
  const tls = authority.sign('server', '/CN=server', `subjectAltName=DNS:${NAME}`);
  return Backend.start(t, { '/rpc': () => ({ result: { data: 'here' } }) }, { ...tls, ...options });
}

// What an RPC comes to where `keys` of http.tls hold.
async function callWith(t, form, backend, keys) {
  const tls = Object.fromEntries(
    Object.entries(keys).map(([key, value]) => [`rpc.proxy.http.tls.${key}`, value]));
  const server = await Target.start(t, { 'rpc.proxy.endpoint': backend.url('/rpc'),
    'rpc.proxy.timeout': '10s', 'rpc.without_namespace.proxy_enabled': true, ...tls });
  const client = await form.connected(t, server);
  return client.rpc('any', {}).then(({ data }) => data, ({ code }) => code);
}

testIn([JSON_SOCKET], 'proxy over TLS: an authority, a name, and a certificate of our own',
  async (t, form) => {
    const authority = new Authority(t);
    const { cert, key } =
      authority.sign('client', '/CN=the caller', 'extendedKeyUsage=clientAuth');
    const backend = await rpcBackend(t, authority,
      { requestCert: true, rejectUnauthorized: true, ca: authority.pem });
    assert.equal(await callWith(t, form, backend, { enabled: true,
      server_ca_pem: authority.file('authority.pem'), server_name: NAME,
      cert_pem: cert, key_pem: Buffer.from(key).toString('base64') }), 'here');
    const [asked] = backend.requests;
    assert.equal(asked.servername, NAME);
    assert.equal(asked.certificate.subject.CN, 'the caller');
    assert.equal(asked.headers.host, new URL(backend.url('/')).host);
    assert.equal(await callWith(t, form, backend, { enabled: true,
      server_ca_pem: authority.pem, server_name: NAME }), 100);
    assert.equal(backend.requests.length, 1);
  });

testIn([JSON_SOCKET], 'proxy over TLS: what is not trusted is not asked', async (t, form) => {
  const authority = new Authority(t);
  const backend = await rpcBackend(t, authority);
  const pem = authority.pem;
  for (const keys of [{}, { enabled: true }, { enabled: true, server_name: NAME },
    { enabled: true, server_ca_pem: pem },
    { enabled: true, server_ca_pem: pem, server_name: 'other.internal' },
    { enabled: true, server_ca_pem: new Authority(t).pem, server_name: NAME },
    { enabled: false, server_ca_pem: pem, server_name: NAME }]) {
    assert.equal(await callWith(t, form, backend, keys), 100, JSON.stringify(keys));
  }
  assert.deepEqual(backend.requests, []);
  assert.equal(
    await callWith(t, form, backend, { enabled: true, insecure_skip_verify: true }), 'here');
});
