// One server process per case: its own port, configuration and folder, gone with the case.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';

import { until, within } from './harness.mjs';
import { Metrics } from './metrics.mjs';

const START_LIMIT_MS = 15000;
const STOP_LIMIT_MS = 15000;
const LOG_TAIL_BYTES = 4000;

const baseConfig =
  JSON.parse(fs.readFileSync(new URL('../base_config.json', import.meta.url), 'utf8'));
export const API_KEY = baseConfig['http_api.key'];

// The namespaces of base_config.json, with the keys of `changes[name]` on top.
export function namespaces(changes) {
  return baseConfig['channel.namespaces'].map((each) => ({ ...each, ...changes[each.name] }));
}

// Dotted keys and inline tables say everything, and JSON's strings and numbers are TOML's.
function toToml(value) {
  if (Array.isArray(value)) return `[${value.map(toToml).join(', ')}]`;
  if (typeof value !== 'object') return JSON.stringify(value);
  return `{${Object.entries(value).map(([k, v]) => `${k} = ${toToml(v)}`).join(', ')}}`;
}

// Writes a configuration of dotted keys to `file`, and returns its name.
export function writeToml(file, keys) {
  fs.writeFileSync(file,
    Object.entries(keys).map(([key, value]) => `${key} = ${toToml(value)}\n`).join(''));
  return file;
}

const givenPorts = new Set();

function canListen(port) {
  return new Promise((resolve) => {
    const probe = net.createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

// A port that nobody listens on. Below those that the kernel gives to outgoing connections, so that
// none of these takes it while its server is restarted, and given to one case only.
async function freePort() {
  for (;;) {
    const port = 20000 + Math.floor(Math.random() * 10000);
    if (givenPorts.has(port)) continue;
    givenPorts.add(port);
    if (await canListen(port)) return port;
  }
}

// The environment's own TICKCAST_… are keys of the configuration, and the case sets those.
function withoutServerKeys() {
  return Object.fromEntries(Object.entries(process.env).filter(
    ([name]) => !name.startsWith('TICKCAST_') && !name.startsWith('CENTRIFUGO_')));
}

export class Server {
  // Starts a server whose keys are those of base_config.json with `config` on top, and waits until
  // it is healthy. It is stopped with the case, and has to end well then. `config` may be a
  // function of the server's address, for keys that name it.
  static async start(context, config = {}) {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tickcast-test-'));
    const port = await freePort();
    const keys = typeof config === 'function' ? config(`http://127.0.0.1:${port}`) : config;
    const server = new this(folder, port, keys);
    let log = '';
    context.onFailure(() => `the server's log:\n${log}`);
    context.after(() => {
      log = server.logTail();
      fs.rmSync(folder, { recursive: true, force: true });
    });
    context.after(() => server.stop());
    await server.launch();
    return server;
  }

  constructor(folder, port, config) {
    this.folder = folder;
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.socketUrl = `ws://127.0.0.1:${port}/connection/websocket`;
    this.logFile = path.join(folder, 'server.log');
    this.configFile = this.writeConfig({ 'http_server.port': port, ...config });
  }

  writeConfig(keys) {
    return writeToml(path.join(this.folder, 'server.toml'), { ...baseConfig, ...keys });
  }

  // The program and its arguments.
  command() {
    return [process.env.INTEGRATION_BINARY, '--config', this.configFile];
  }

  // Starts the process. After stop() or kill() it may be called again: same port, same keys.
  async launch() {
    this.isStopped = false;
    const log = fs.openSync(this.logFile, 'a');
    const [program, ...args] = this.command();
    this.process = spawn(program, args,
      { stdio: ['ignore', log, log], env: withoutServerKeys() });
    fs.closeSync(log);
    this.ended = new Promise((resolve) => {
      this.process.once('error', (fault) => resolve({ code: fault.message, signal: null }));
      this.process.once('exit', (code, signal) => resolve({ code, signal }));
    });
    let early = null;
    this.ended.then((end) => { early = end; });
    await until('the server is healthy', async () => {
      if (early !== null) {
        throw new Error(`the server ended at its start: ${JSON.stringify(early)}`);
      }
      return fetch(`${this.url}/health`).then((answer) => answer.ok, () => false);
    }, START_LIMIT_MS);
  }

  get isRunning() {
    return this.process !== undefined && this.process.exitCode === null &&
      this.process.signalCode === null;
  }

  // Asks it to drain, and waits for a good end.
  async stop() {
    if (this.isStopped) return;
    if (!this.isRunning) {
      assert.fail(`the server ended by itself: ${JSON.stringify(await this.ended)}`);
    }
    this.isStopped = true;
    this.process.kill('SIGTERM');
    try {
      const end = await within(STOP_LIMIT_MS, 'the server ends after SIGTERM', this.ended);
      assert.deepEqual(end, { code: 0, signal: null }, 'a drained server exits 0');
    } finally {
      if (this.isRunning) this.process.kill('SIGKILL');
    }
  }

  async kill() {
    this.isStopped = true;
    this.process.kill('SIGKILL');
    await within(STOP_LIMIT_MS, 'the server ends after SIGKILL', this.ended);
    // The kernel takes a killed process's rings down in the background, and with them the listener:
    // who is not refused at once is reset when it goes.
    await until('the port is free', () => fetch(`${this.url}/health`).then(() => false, () => true));
  }

  async metrics() {
    const answer = await fetch(`${this.url}/metrics`);
    assert.equal(answer.status, 200);
    return new Metrics(await answer.text());
  }

  // Calls the HTTP API as a backend does; the answer's status and its JSON body.
  async api(method, body, headers = { 'X-API-Key': API_KEY }) {
    const answer = await fetch(`${this.url}/api/${method}`,
      { method: 'POST', headers, body: JSON.stringify(body) });
    const text = await answer.text();
    let json;
    try {
      json = JSON.parse(text);
    } catch {
      json = undefined;
    }
    return { status: answer.status, json, text };
  }

  // Calls the HTTP API, and returns the result of a call that has to succeed.
  async call(method, body) {
    const answer = await this.api(method, body);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.json.error, undefined, answer.text);
    return answer.json.result;
  }

  // Publishes and returns the result: {offset, epoch} in channels with history.
  publish(channel, data, options = {}) {
    return this.call('publish', { channel, data, ...options });
  }

  logTail() {
    if (!fs.existsSync(this.logFile)) return '(none)';
    return fs.readFileSync(this.logFile, 'utf8').slice(-LOG_TAIL_BYTES);
  }
}
