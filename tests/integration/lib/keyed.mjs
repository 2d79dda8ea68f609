// Keyed channels as the official SDK sees them: a server with namespaces of each kind, a mirror of
// a map, a watch list, and the signatures that an application's backend makes.

import crypto from 'node:crypto';

import { Backend } from './backend.mjs';
import { nextEvent } from './forms.mjs';
import { until, within } from './harness.mjs';
import { Target } from './target.mjs';

const LIMIT_MS = 10000;
export const POLLS_MS = 700;  // Within it a server that polls every 200 ms has done so.
const SECRET = 'integration-poll-secret';
const PREVIOUS_SECRET = 'integration-poll-secret-of-yesterday';
const DELAYS = { minResubscribeDelay: 20, maxResubscribeDelay: 300 };

const OPEN = { allow_subscribe_for_client: true, allow_subscribe_for_anonymous: true };
const WRITABLE = {
  allow_publish_for_client: true, allow_publish_for_anonymous: true,
  allow_remove_for_client: true, allow_remove_for_anonymous: true,
};
const SMALL_PAGES = { min_page_size: 1 };
const EPHEMERAL = { mode: 'ephemeral', key_ttl: '60s', ...WRITABLE, ...SMALL_PAGES };
const PERSISTENT = { mode: 'persistent', ...WRITABLE, ...SMALL_PAGES };
const DELTAS = { allowed_delta_types: ['fossil'], delta_publish: true };

function mapOf(name, map, more = {}) {
  return { name, subscription_type: 'map', map, ...OPEN, ...more };
}

function pollOf(name, poll, more = {}) {
  return { name, subscription_type: 'shared_poll', ...OPEN, ...more,
    shared_poll: { proxy_name: 'values', refresh_interval: '200ms', ...poll } };
}

const NAMESPACES = [
  mapOf('brief', EPHEMERAL),
  mapOf('kept', PERSISTENT),
  mapOf('recoverable', { ...EPHEMERAL, mode: 'recoverable' }),
  mapOf('short', { ...PERSISTENT, stream_size: 2, stream_ttl: '60s' }),
  mapOf('fleeting', { ...EPHEMERAL, key_ttl: '1s' }),
  mapOf('pages', { mode: 'persistent', ...WRITABLE }),
  mapOf('mapdelta', PERSISTENT, DELTAS),
  mapOf('maptags', PERSISTENT, { allow_tags_filter: true }),
  mapOf('byclient', { ...EPHEMERAL, client_key: 'client_id' }),
  mapOf('byuser', { ...EPHEMERAL, client_key: 'user_id' }),
  mapOf('readonlymap', { mode: 'persistent' }),
  mapOf('lobby', EPHEMERAL, {
    map_clients_presence_channel_prefix: 'online:', map_users_presence_channel_prefix: 'people:' }),
  { name: 'online', subscription_type: 'map_clients', ...OPEN,
    map: { mode: 'ephemeral', key_ttl: '60s' } },
  { name: 'people', subscription_type: 'map_users', ...OPEN,
    map: { mode: 'ephemeral', key_ttl: '2s' } },
  pollOf('poll', { mode: 'versioned', publish_enabled: true }),
  pollOf('pollplain', {}),
  pollOf('polldelta', { mode: 'versioned' }, DELTAS),
  pollOf('pollfew', { mode: 'versioned', max_keys_per_connection: 3 }),
  { name: 'stream', ...OPEN, allow_publish_for_client: true, allow_publish_for_anonymous: true },
];

// A server whose namespaces are keyed, and the backend that its watch lists poll: `server.values`
// are what that has of each key, {data, version, removed}.
export async function keyedServer(t, changes = {}) {
  const values = new Map();
  const state = { isBroken: false };
  const backend = await Backend.start(t, {
    '/values': ({ items }) => {
      if (state.isBroken) throw new Error('the backend is down');
      const known = items.filter(({ key }) => values.has(key));
      return { result: { items: known.map(({ key }) => ({ key, ...values.get(key) })) } };
    },
  });
  const server = await Target.start(t, {
    'shared_poll.hmac_secret_key': SECRET,
    'shared_poll.hmac_previous_secret_key': PREVIOUS_SECRET,
    'proxies': [{ name: 'values', endpoint: backend.url('/values'), timeout: '1s' }],
    'channel.namespaces': NAMESPACES,
    ...changes,
  });
  return Object.assign(server, {
    values,
    set: (key, data, version) => values.set(key, { data, version }),
    breakBackend: (isBroken) => { state.isBroken = isBroken; },
    put: (channel, key, data, more) => server.call('map_publish', { channel, key, data, ...more }),
    drop: (channel, key) => server.call('map_remove', { channel, key }),
  });
}

// Collects what subscriptions of every kind tell.
function collect(subscription, heard) {
  subscription.on('subscribed', (about) => heard.contexts.push(about));
  for (const name of ['subscribing', 'unsubscribed', 'error']) {
    subscription.on(name, (about) => heard.events.push({ name, ...about }));
  }
  return heard;
}

export const MAP = 'newMapSubscription';
export const MAP_CLIENTS = 'newMapClientsSubscription';
export const MAP_USERS = 'newMapUsersSubscription';

// A mirror of a map, not yet subscribed: `mirror` is what an application shows, key to value.
export function mirrorOf(form, client, channel, options = {}, make = MAP) {
  const subscription = client[make](channel, { ...DELAYS, ...options });
  const heard = collect(subscription,
    { subscription, mirror: new Map(), updates: [], syncs: [], contexts: [], events: [] });
  // Who is there has no value.
  const isEmpty = (data) => data === undefined || (form.isProtobuf && data.length === 0);
  const valueOf = ({ data }) => (isEmpty(data) ? null : form.unpack(data));
  subscription.on('sync', ({ entries }) => {
    heard.syncs.push(entries);
    heard.mirror.clear();
    for (const entry of entries) heard.mirror.set(entry.key, valueOf(entry));
  });
  subscription.on('update', (update) => {
    heard.updates.push(update);
    if (update.removed) heard.mirror.delete(update.key);
    else heard.mirror.set(update.key, valueOf(update));
  });
  return heard;
}

export async function subscribed(heard) {
  heard.subscription.subscribe();
  await within(LIMIT_MS, `the SDK subscribes to ${heard.subscription.channel}`,
    heard.subscription.ready());
  return heard;
}

export function subscribedMirror(form, client, channel, options, make) {
  return subscribed(mirrorOf(form, client, channel, options, make));
}

// Waits until the mirror shows just `expected`, an object.
export async function shows(heard, expected) {
  const wanted = JSON.stringify(Object.entries(expected).sort());
  const seen = () => JSON.stringify([...heard.mirror].sort());
  try {
    await until('the mirror shows it', () => seen() === wanted);
  } catch (fault) {
    throw new Error(`${fault.message}: ${seen()} in place of ${wanted}`);
  }
}

// A watch list, not yet subscribed: `values` is what an application shows, key to value.
export function watchOf(form, client, channel, options = {}) {
  const subscription = client.newSharedPollSubscription(channel,
    { ...DELAYS, getSignature: signer(channel), ...options });
  const heard = collect(subscription,
    { subscription, updates: [], values: new Map(), contexts: [], events: [] });
  subscription.on('update', (update) => {
    heard.updates.push(update);
    if (update.removed) heard.values.delete(update.key);
    else heard.values.set(update.key, form.unpack(update.data));
  });
  return heard;
}

export function subscribedWatch(form, client, channel, options) {
  return subscribed(watchOf(form, client, channel, options));
}

export function watches(heard, expected) {
  return shows({ mirror: heard.values }, expected);
}

export function errorsOf(heard) {
  return heard.events.filter(({ name }) => name === 'error');
}

export function trackError(heard) {
  return nextEvent(heard.subscription, 'error', ({ type }) => type === 'track');
}

// What the application's backend signs: that `user` may follow `keys` of `channel`.
export function sign(channel, keys, { user = '', ttlS = 3600, secret = SECRET } = {}) {
  const issuedS = Math.floor(Date.now() / 1000);
  const expiryS = issuedS + ttlS;
  const digest = crypto.createHash('sha256').update(keys.join('\0')).digest('hex');
  const mac = crypto.createHmac('sha256', secret)
    .update([issuedS, expiryS, user, channel, digest].join('\0')).digest('hex');
  return `${issuedS}:${expiryS}:${mac}`;
}

export function signedBefore(channel, keys) {
  return sign(channel, keys, { secret: PREVIOUS_SECRET });
}

// The SDK's callback: signs whatever it is asked, and counts in `asked` if that is given.
export function signer(channel, options = {}, asked = []) {
  return async ({ keys }) => {
    asked.push(keys);
    return { keys, signature: sign(channel, keys, options) };
  };
}

// The items of track(items, signature).
export function items(...keys) {
  return keys.map((key) => (typeof key === 'string' ? { key, version: 0 } : key));
}
