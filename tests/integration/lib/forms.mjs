// The forms in which the official JavaScript SDK speaks to a server, and cases that run in each.

import { test, within } from './harness.mjs';
import { Centrifuge, CentrifugeProtobuf, EventSource, WebSocket } from './packages.mjs';

const LIMIT_MS = 10000;
const bytes = new TextEncoder();
const text = new TextDecoder();

class Form {
  constructor(transport, isProtobuf) {
    this.transport = transport;
    this.isProtobuf = isProtobuf;
    this.sdk = isProtobuf ? CentrifugeProtobuf : Centrifuge;
    this.name = isProtobuf ? `${transport} protobuf` : transport;
  }

  endpoint(server) {
    return this.transport === 'websocket'
      ? server.socketUrl : `${server.url}/connection/${this.transport}`;
  }

  // A payload as an application of this form gives it to the SDK, and gets it: a value or bytes.
  pack(value) {
    return this.isProtobuf ? bytes.encode(JSON.stringify(value)) : value;
  }

  unpack(data) {
    return this.isProtobuf ? JSON.parse(text.decode(data)) : data;
  }

  // A client that is disconnected with the case. Its delays are short so that tests of reconnecting
  // take no minutes.
  client(context, server, options = {}) {
    const network = new EventTarget();
    const transports = [{ transport: this.transport, endpoint: this.endpoint(server) }];
    const client = new this.sdk(transports, {
      websocket: WebSocket,
      eventsource: EventSource,
      emulationEndpoint: `${server.url}/emulation`,
      minReconnectDelay: 20,
      maxReconnectDelay: 300,
      networkEventTarget: network,
      ...options,
    });
    client.network = network;
    context.after(() => client.disconnect());
    return client;
  }

  async connected(context, server, options) {
    return connect(this.client(context, server, options));
  }

  // Subscribes and collects: `values` are the payloads as they come, unpacked.
  async subscribe(client, channel, options) {
    const heard = this.listen(client, channel, options);
    heard.subscription.subscribe();
    await within(LIMIT_MS, `the SDK subscribes to ${channel}`, heard.subscription.ready());
    return heard;
  }

  // The same without subscribing.
  listen(client, channel, options) {
    const subscription = client.newSubscription(channel, {
      minResubscribeDelay: 20, maxResubscribeDelay: 300, ...options });
    const heard = { subscription, publications: [], values: [], contexts: [], events: [] };
    subscription.on('publication', (publication) => {
      heard.publications.push(publication);
      heard.values.push(this.unpack(publication.data));
    });
    subscription.on('subscribed', (about) => heard.contexts.push(about));
    for (const name of ['subscribing', 'unsubscribed', 'join', 'leave', 'error']) {
      subscription.on(name, (about) => heard.events.push({ name, ...about }));
    }
    return heard;
  }
}

export const JSON_SOCKET = new Form('websocket', false);
export const PROTOBUF_SOCKET = new Form('websocket', true);
export const SOCKETS = [JSON_SOCKET, PROTOBUF_SOCKET];
export const HTTP_STREAMS = [new Form('http_stream', false), new Form('http_stream', true)];
export const SSE = new Form('sse', false);
export const ALL_FORMS = [...SOCKETS, ...HTTP_STREAMS, SSE];
export const PROTOBUF_FORMS = ALL_FORMS.filter((form) => form.isProtobuf);

// Declares the case once per form.
export function testIn(forms, name, body, options) {
  for (const form of forms) {
    test(`sdk_js: ${name} [${form.name}]`, (context) => body(context, form), options);
  }
}

export async function connect(client) {
  client.connect();
  await within(LIMIT_MS, 'the SDK connects', client.ready());
  return client;
}

// The next event `name` of a client or subscription that `matches`.
export function nextEvent(emitter, name, matches = () => true) {
  const event = within(LIMIT_MS, `the event '${name}'`, new Promise((resolve) => {
    const take = (about) => {
      if (!matches(about)) return;
      emitter.removeListener(name, take);
      resolve(about);
    };
    emitter.on(name, take);
  }));
  event.catch(() => {});  // Who waits for it is told; a case that failed before no longer does.
  return event;
}

// As a browser tells that the network has gone, and come back.
export function goOffline(client) {
  client.network.dispatchEvent(new Event('offline'));
}

export function goOnline(client) {
  client.network.dispatchEvent(new Event('online'));
}
