// The official SDK as an application uses it, on Node with the `ws` package.

import { within } from './harness.mjs';
import { Centrifuge, WebSocket } from './packages.mjs';

const LIMIT_MS = 10000;

// A client that is disconnected with the case. The delays are short so that tests of reconnecting
// take no minutes.
export function newClient(context, server, options = {}) {
  const client = new Centrifuge(server.socketUrl, {
    websocket: WebSocket,
    minReconnectDelay: 50,
    maxReconnectDelay: 400,
    ...options,
  });
  context.after(() => client.disconnect());
  return client;
}

export async function connect(client) {
  client.connect();
  await within(LIMIT_MS, 'the SDK connects', client.ready());
  return client;
}

export async function connectedClient(context, server, options) {
  return connect(newClient(context, server, options));
}

// Subscribes and collects: `publications` as they come, `contexts` of each 'subscribed' event.
export async function subscribe(client, channel, options) {
  const subscription = client.newSubscription(channel, options);
  const collected = { subscription, publications: [], contexts: [] };
  subscription.on('publication', (publication) => collected.publications.push(publication));
  subscription.on('subscribed', (about) => collected.contexts.push(about));
  subscription.subscribe();
  await within(LIMIT_MS, `the SDK subscribes to ${channel}`, subscription.ready());
  return collected;
}

// The next event `name` of a client or subscription.
export function nextEvent(emitter, name, limitMs = LIMIT_MS) {
  return within(limitMs, `the event '${name}'`, new Promise((resolve) => {
    emitter.once(name, resolve);
  }));
}
