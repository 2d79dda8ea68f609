// A process of SDK clients that is made to be killed: victim.mjs URL COUNT CHANNEL…
// It says `ready` once all are subscribed.

import process from 'node:process';

import { Centrifuge, WebSocket } from './packages.mjs';

const [url, count, ...channels] = process.argv.slice(2);

await Promise.all(Array.from({ length: Number(count) }, async () => {
  const client = new Centrifuge(url, { websocket: WebSocket });
  client.connect();
  await client.ready();
  await Promise.all(channels.map((channel) => {
    const subscription = client.newSubscription(channel);
    subscription.subscribe();
    return subscription.ready();
  }));
}));
console.log('ready');
