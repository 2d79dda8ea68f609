// The server that the suites of the SDKs run against: tickcast, or, where INTEGRATION_ORACLE names
// the program of a Centrifugo, that one with the same keys, which shows that a case asks for what
// SDKs are used to.

import fs from 'node:fs';
import path from 'node:path';
import process from 'node:process';

import { Server, writeToml } from './server.mjs';

const oracle = process.env.INTEGRATION_ORACLE ?? '';
const sdkConfig =
  JSON.parse(fs.readFileSync(new URL('../sdk_base_config.json', import.meta.url), 'utf8'));

export const isOracle = oracle !== '';
export const TOKEN_SECRET = sdkConfig['client.token.hmac_secret_key'];

// Keys that only tickcast has.
const OWN_KEYS = {
  'engine.shards': 2, 'engine.pin': false, 'shutdown.spread': '0s', 'shutdown.timeout': '5s',
};

// What makes a Centrifugo look often enough for what has expired.
const ORACLE_KEYS = { 'client.presence_update_interval': '1s', 'usage_stats.disabled': true };

// Both can do without pings, and say it differently.
export const NO_PINGS = isOracle
  ? { 'client.ping_interval': '-1s', 'client.pong_timeout': '-2s' }
  : { 'client.ping_interval': '0s', 'client.pong_timeout': '0s' };

// {'a.b': 1} to {a: {b: 1}}.
function nested(keys) {
  const whole = {};
  for (const [key, value] of Object.entries(keys)) {
    const names = key.split('.');
    const last = names.pop();
    names.reduce((at, name) => (at[name] ??= {}), whole)[last] = value;
  }
  return whole;
}

export class Target extends Server {
  writeConfig(changes) {
    const keys = { ...sdkConfig, ...changes };
    if (!isOracle) {
      return writeToml(path.join(this.folder, 'server.toml'), { ...OWN_KEYS, ...keys });
    }
    const file = path.join(this.folder, 'config.json');
    fs.writeFileSync(file, JSON.stringify(nested({ ...ORACLE_KEYS, ...keys })));
    return file;
  }

  command() {
    return isOracle ? [oracle, '--config', this.configFile] : super.command();
  }
}

// The namespaces of sdk_base_config.json, with the keys of `changes[name]` on top.
export function sdkNamespaces(changes) {
  return sdkConfig['channel.namespaces'].map((each) => ({ ...each, ...changes[each.name] }));
}
