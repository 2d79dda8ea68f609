// RawClient: the Centrifuge protocol (JSON) written by hand over `ws`, for what the SDK would not
// send and for crowds that the SDK would make slow.

import { within } from './harness.mjs';
import { WebSocket } from './packages.mjs';

const LIMIT_MS = 10000;

export class RawClient {
  // Opens a WebSocket without sending anything. `options` are those of `ws`.
  static async open(context, server, options = {}) {
    const client = new RawClient(server.socketUrl, options);
    context.after(() => client.socket.terminate());
    await client.opened();
    return client;
  }

  static async connected(context, server) {
    const client = await RawClient.open(context, server);
    await client.request({ connect: {} });
    return client;
  }

  constructor(url, options = {}) {
    this.answersPings = true;
    this.pings = 0;
    this.pushes = [];
    this.onPush = (push) => this.pushes.push(push);
    this.lastId = 0;
    this.waiting = new Map();
    this.socket = new WebSocket(url, { perMessageDeflate: false, ...options });
    this.socket.on('message', (message) => this.take(message.toString()));
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    this.open = new Promise((resolve, reject) => {
      this.socket.once('open', resolve);
      this.socket.on('error', reject);
    });
    this.open.catch(() => {});  // Who waits for it is told; nobody has to.
  }

  opened() {
    return within(LIMIT_MS, 'the WebSocket opens', this.open);
  }

  take(message) {
    for (const line of message.split('\n')) {
      if (line === '{}') {
        this.pings += 1;
        if (this.answersPings) this.socket.send('{}');
        continue;
      }
      if (line === '') continue;
      const reply = JSON.parse(line);
      if (reply.push) this.onPush(reply.push);
      else this.waiting.get(reply.id)?.(reply);
    }
  }

  // Sends one command, and gives its reply.
  request(command) {
    return this.batch([command]).then(([reply]) => reply);
  }

  // Sends commands as lines of one message, and gives their replies in the same order.
  batch(commands) {
    const lines = [];
    const replies = commands.map((command) => {
      this.lastId += 1;
      const id = this.lastId;
      lines.push(JSON.stringify({ id, ...command }));
      return new Promise((resolve) => {
        this.waiting.set(id, (reply) => {
          this.waiting.delete(id);
          resolve(reply);
        });
      });
    });
    this.socket.send(lines.join('\n'));
    return within(LIMIT_MS * 3, `replies to ${lines[0].slice(0, 80)}`, Promise.all(replies));
  }

  closeEvent(limitMs = LIMIT_MS) {
    return within(limitMs, 'the server closes the connection', this.closed);
  }
}
