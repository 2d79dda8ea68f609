// MarketSocket: as much of the Centrifuge protocol (version 2, JSON) as a page of live values uses.
//
// The page says which channels it looks at; the socket keeps the subscriptions equal to that set,
// over reconnects too. Commands of one moment leave as lines of one WebSocket message, replies and
// pushes arrive the same way. A page that is more than a table takes the official SDK instead.

const MAX_COMMANDS_PER_MESSAGE = 256;  // About 20 kB: well below the server's 64 KiB per message.
const FIRST_RETRY_MS = 300;
const LONGEST_RETRY_MS = 20000;
const RESUBSCRIBE_MS = 1000;
const PING_GRACE_MS = 10000;  // How much later than promised a ping may come.

const FIRST_SERVER_CLOSE_CODE = 3000;
const ERROR_ALREADY_SUBSCRIBED = 105;
const FIRST_RESUBSCRIBE_CODE = 2500;

// Close codes after which coming back would meet the same answer.
function isFinal(code) {
  return (code >= 3500 && code < 4000) || (code >= 4500 && code < 5000);
}

export class MarketSocket {
  // `handlers`: state(name, detail) with name connecting, connected or disconnected;
  // publication(channel, data) for first values and later ones; problem(text) for what was refused;
  // received(bytes) for each message. `token` may be empty.
  constructor(url, token, handlers) {
    this.url = url;
    this.token = token;
    this.handlers = handlers;
    this.wanted = new Set();
    this.subscribed = new Set();  // Asked for, answered or not.
    this.refused = new Set();
    this.pending = new Map();  // Command id -> the channel whose subscribe it was, '' = connect.
    this.lastId = 0;
    this.attempts = 0;
    this.isOpen = false;  // The connect command was answered.
    this.open();
  }

  // Makes `channels` the set that is subscribed.
  follow(channels) {
    this.wanted = new Set(channels);
    this.refused.clear();
    if (this.isOpen) this.reconcile();
  }

  open() {
    this.handlers.state('connecting', '');
    const socket = new WebSocket(this.url);
    this.socket = socket;
    socket.onopen = () => {
      const connect = this.token ? { token: this.token } : {};
      this.send([{ id: this.remember(''), connect }]);
    };
    socket.onmessage = (event) => this.take(event.data);
    socket.onclose = (event) => this.closed(event.code, event.reason);
  }

  send(commands) {
    for (let at = 0; at < commands.length; at += MAX_COMMANDS_PER_MESSAGE) {
      const lines = commands.slice(at, at + MAX_COMMANDS_PER_MESSAGE).map((c) => JSON.stringify(c));
      this.socket.send(lines.join('\n'));
    }
  }

  remember(channel) {
    this.lastId += 1;
    this.pending.set(this.lastId, channel);
    return this.lastId;
  }

  // One subscribe for each channel that is wanted and missing, one unsubscribe for the opposite.
  reconcile() {
    const commands = [];
    for (const channel of this.subscribed) {
      if (this.wanted.has(channel)) continue;
      this.subscribed.delete(channel);
      this.lastId += 1;  // Its reply says nothing that has to be remembered.
      commands.push({ id: this.lastId, unsubscribe: { channel } });
    }
    for (const channel of this.wanted) {
      if (this.subscribed.has(channel) || this.refused.has(channel)) continue;
      this.subscribed.add(channel);
      commands.push({ id: this.remember(channel), subscribe: { channel } });
    }
    this.send(commands);
  }

  take(message) {
    this.handlers.received(message.length);
    this.expectPing();
    for (const line of message.split('\n')) {
      if (line === '{}') {
        this.socket.send('{}');
      } else if (line !== '') {
        this.takeReply(JSON.parse(line));
      }
    }
  }

  takeReply(reply) {
    if (reply.push) return this.takePush(reply.push);
    const channel = this.pending.get(reply.id);
    if (channel === undefined) return undefined;  // Of an unsubscribe.
    this.pending.delete(reply.id);
    if (channel === '') return this.connected(reply);
    if (reply.error) return this.subscribeFailed(channel, reply.error);
    for (const publication of reply.subscribe.publications ?? []) {
      this.handlers.publication(channel, publication.data);
    }
    return undefined;
  }

  takePush(push) {
    if (push.pub) {
      this.handlers.publication(push.channel, push.pub.data);
    } else if (push.unsubscribe) {
      this.subscribed.delete(push.channel);
      if (push.unsubscribe.code >= FIRST_RESUBSCRIBE_CODE) {
        this.reconcileSoon();
      } else {
        this.refused.add(push.channel);
        this.handlers.problem(`${push.channel}: ${push.unsubscribe.reason}`);
      }
    }
  }

  connected(reply) {
    if (reply.error) {
      this.handlers.problem(`connect: ${reply.error.message} (${reply.error.code})`);
      this.retire(reply.error.temporary === true, reply.error.message);
      return;
    }
    this.attempts = 0;
    this.isOpen = true;
    this.pingMs = (reply.connect.ping ?? 0) * 1000;
    this.expectPing();
    this.handlers.state('connected', reply.connect.version ?? '');
    this.reconcile();
  }

  subscribeFailed(channel, error) {
    if (error.code === ERROR_ALREADY_SUBSCRIBED) return;
    this.subscribed.delete(channel);
    if (error.temporary) {
      this.reconcileSoon();
      return;
    }
    this.refused.add(channel);
    this.handlers.problem(`${channel}: ${error.message} (${error.code})`);
  }

  reconcileSoon() {
    clearTimeout(this.reconcileTimer);
    this.reconcileTimer = setTimeout(() => this.isOpen && this.reconcile(), RESUBSCRIBE_MS);
  }

  // A network that vanished closes nothing: what tells of it is a ping that does not come.
  expectPing() {
    if (!this.isOpen || this.pingMs === 0) return;
    this.pingDueMs = performance.now() + this.pingMs + PING_GRACE_MS;
    // One timer that looks at the time: thousands of messages a second must not each make one.
    if (this.pingTimer) return;
    this.pingTimer = setInterval(() => {
      if (performance.now() > this.pingDueMs) this.retire(true, 'no ping');
    }, 1000);
  }

  // Leaves a connection without waiting for the peer's answer, which may never come.
  retire(comesBack, reason) {
    this.socket.onmessage = null;
    this.socket.onclose = null;
    this.socket.close();
    this.closed(comesBack ? 0 : 3500, reason);
  }

  closed(code, reason) {
    this.isOpen = false;
    clearInterval(this.pingTimer);
    clearTimeout(this.reconcileTimer);
    this.pingTimer = undefined;
    this.subscribed.clear();
    this.pending.clear();
    // The browser's own codes carry no text, and 1006 says nothing to a reader.
    const words = reason || (code >= FIRST_SERVER_CLOSE_CODE ? `code ${code}` : 'no connection');
    if (isFinal(code)) {
      this.handlers.state('disconnected', words);
      return;
    }
    // Full jitter: after a restart thousands of pages must not come back in one moment.
    const bound = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.attempts);
    const delayMs = FIRST_RETRY_MS / 2 + Math.random() * bound;
    this.attempts += 1;
    this.handlers.state('connecting', words);
    setTimeout(() => this.open(), delayMs);
  }
}
