// What a client may get wrong with keyed channels, and what it is told. What an outcome is, says
// conversations.mjs; a frame may also be a function of the replies before it, by their ids.

import { atOnce } from '../lib/harness.mjs';
import { keyedServer, sign } from '../lib/keyed.mjs';
import { tryConversations } from './converse.mjs';

atOnce(4);

const CONNECT = { id: 1, connect: {} };
const POLL = 'poll:x';
const conversations = [];

// `frames` come behind a connect.
function told(name, frames, outcome, options = {}) {
  const behindConnect = (list) => list && ['1:connect', ...list];
  conversations.push({ name: `keyed: ${name}`, frames: [CONNECT, ...frames], ...options,
    outcome: behindConnect(outcome), oracle: behindConnect(options.oracle) });
}

// --- Watch lists ---------------------------------------------------------------------------------

const watch = (id, channel = POLL) => ({ id, subscribe: { channel, type: 4 } });
const batch = (keys, signature = sign(POLL, keys)) =>
  ({ signature, items: keys.map((key) => ({ key })) });
const refresh = (id, more) => ({ id, sub_refresh: { channel: POLL, ...more } });
const track = (id, ...batches) => refresh(id, { type: 1, track: batches });
const untrack = (id, ...keys) => refresh(id, { type: 2, untrack: keys });

// Asked when it watches `poll:x`, as command 3.
function tracking(name, frame, outcome, options = {}) {
  const subscribed = (list) => list && ['2:subscribe', ...list];
  told(name, [watch(2), frame], subscribed(outcome),
    { ...options, oracle: subscribed(options.oracle) });
}

told('track without a subscription', [track(2, batch(['a']))], ['2:103', 'open']);
told('untrack without a subscription', [untrack(2, 'a')], ['2:103', 'open']);
told('a watch list twice', [watch(2), watch(3)], ['2:subscribe', '3:105', 'open']);
told('a watch list of nothing known', [watch(2, 'nosuch:x')], ['2:108', 'open']);
told('track after an unsubscribe',
  [watch(2), { id: 3, unsubscribe: { channel: POLL } }, track(4, batch(['a']))],
  ['2:subscribe', '3:unsubscribe', '4:103', 'open']);
tracking('track', track(3, batch(['a', 'b'])), ['3:sub_refresh', 'open']);
tracking('track of no batch', refresh(3, { type: 1, track: [] }), ['3:107', 'open']);
tracking('track that names nothing', refresh(3, { type: 1 }), ['3:107', 'open']);
tracking('track of a batch without keys', track(3, batch([])), ['3:107', 'open']);
tracking('track of a batch without keys beside another', track(3, batch([]), batch(['a'])),
  ['3:sub_refresh', 'open']);
tracking('track of one key twice', track(3, batch(['a', 'a'])), ['3:sub_refresh', 'open']);
tracking('track of a key of 255 bytes', track(3, batch(['k'.repeat(255)])),
  ['3:sub_refresh', 'open']);
tracking('track of a key of 256 bytes', track(3, batch(['k'.repeat(256)])), ['3:107', 'open'],
  { oracle: ['3:sub_refresh', 'open'], why: 'it has no limit' });
tracking('track without a signature', refresh(3, { type: 1, track: [{ items: [{ key: 'a' }] }] }),
  ['3:103', 'open']);
tracking('track of keys that were not signed', track(3, batch(['a', 'b'], sign(POLL, ['a']))),
  ['3:103', 'open']);
tracking('track of fewer keys than were signed', track(3, batch(['a'], sign(POLL, ['a', 'b']))),
  ['3:103', 'open']);
tracking('track in another order', track(3, batch(['b', 'a'], sign(POLL, ['a', 'b']))),
  ['3:103', 'open']);
tracking('track of two keys as one', track(3, batch(['a\0b'], sign(POLL, ['a', 'b']))),
  ['3:103', 'open'], { oracle: ['3:sub_refresh', 'open'], why: 'it takes them for the same' });
tracking('track with an expired signature',
  track(3, batch(['a'], sign(POLL, ['a'], { ttlS: -60 }))), ['3:109', 'open']);
tracking('track with a good batch and a wrong one', track(3, batch(['a']), batch(['b'], 'wrong')),
  ['3:103', 'open']);
tracking('track of a list of other things', '{"id":3,"sub_refresh":{"channel":"poll:x","type":1,' +
  '"track":[7]}}', ['close 3501']);
tracking('track of null', '{"id":3,"sub_refresh":{"channel":"poll:x","type":1,"track":[null]}}',
  ['close 3501'], { notThere: 'its process does not outlive it' });
tracking('track with a key that is no text', '{"id":3,"sub_refresh":{"channel":"poll:x","type":1,' +
  '"track":[{"signature":"","items":[{"key":7}]}]}}', ['close 3501']);
tracking('track with a negative version', '{"id":3,"sub_refresh":{"channel":"poll:x","type":1,' +
  '"track":[{"signature":"","items":[{"key":"a","version":-1}]}]}}', ['close 3501']);
tracking('untrack of nothing', untrack(3), ['3:107', 'open']);
tracking('untrack of what was never tracked', untrack(3, 'a', 'b'), ['3:sub_refresh', 'open']);
tracking('untrack of what is no text', '{"id":3,"sub_refresh":{"channel":"poll:x","type":2,' +
  '"untrack":[7]}}', ['close 3501']);
tracking('a sub_refresh of an unknown type', refresh(3, { type: 3 }), ['3:107', 'open']);
tracking('a sub_refresh of a negative type', refresh(3, { type: -1 }), ['3:107', 'open']);
told('more keys than a connection may have',
  [watch(2, 'pollfew:x'), { id: 3, sub_refresh: { channel: 'pollfew:x', type: 1,
    track: [batch(['a', 'b', 'c', 'd'], sign('pollfew:x', ['a', 'b', 'c', 'd']))] } }],
  ['2:subscribe', '3:106', 'open']);
told('as many keys as it may have, others untracked in the same breath',
  [watch(2, 'pollfew:x'), { id: 3, sub_refresh: { channel: 'pollfew:x', type: 1, untrack: ['d'],
    track: [batch(['a', 'b', 'c', 'd'], sign('pollfew:x', ['a', 'b', 'c', 'd']))] } }],
  ['2:subscribe', '3:sub_refresh', 'open']);
told('a map publish to a watch list',
  [{ id: 2, publish: { channel: POLL, type: 1, key: 'a', data: 1 } }], ['2:103', 'open']);

// --- Maps ----------------------------------------------------------------------------------------

const map = (id, channel, more = {}) => ({ id, subscribe: { channel, type: 1, ...more } });
const page = (id, channel, more = {}) => map(id, channel, { phase: 2, limit: 1, ...more });
const put = (id, channel, key, more = { data: 1 }) =>
  ({ id, publish: { channel, type: 1, key, ...more } });
// Two keys, so that the first page of one is not the last.
const two = (id, channel) => [[put(id, channel, 'a'), put(id + 1, channel, 'b')]];
const cursorOf = (replies, id) => replies.get(id).subscribe.cursor;

told('a map', [map(2, 'kept:x', { phase: 2 })], ['2:subscribe', 'open']);
told('a map twice', [map(2, 'kept:x', { phase: 2 }), map(3, 'kept:x', { phase: 2 })],
  ['2:subscribe', '3:105', 'open']);
told('track of a map', [map(2, 'kept:x', { phase: 2 }), { id: 3, sub_refresh: {
  channel: 'kept:x', type: 1, track: [batch(['a'])] } }], ['2:subscribe', '3:107', 'open']);
told('a subscription of an unknown type', [map(2, 'kept:x', { type: 9, phase: 2 })],
  ['2:103', 'open']);
told('an unknown phase', [map(2, 'kept:x', { phase: 3 })], ['2:107', 'open']);
told('a phase below 0', [map(2, 'kept:x', { phase: -1 })], ['2:107', 'open']);
told('changes without pages before', [map(2, 'brief:x', { phase: 1 })], ['2:107', 'open']);
told('live at once in a map with positions', [map(2, 'kept:x')], ['2:112', 'open']);
told('a recovery from another life', [map(2, 'kept:x', { recover: true, epoch: 'no', offset: 3 })],
  ['2:112', 'open']);
told('pages from another life', [page(2, 'kept:x', { epoch: 'no', offset: 3 })],
  ['2:112', 'open']);
told('a page of a negative size', [map(2, 'kept:x', { phase: 2, limit: -5 })],
  ['2:subscribe', 'open']);
told('a page size over 32 bits',
  ['{"id":2,"subscribe":{"channel":"kept:x","type":1,"phase":2,"limit":4294967296}}'],
  ['close 3501']);
told('a cursor without a page before', [page(2, 'kept:x', { cursor: 'a' })], ['2:103', 'open']);
told('pages to the end', [...two(2, 'kept:x'), page(4, 'kept:x'),
  (replies) => page(5, 'kept:x', { cursor: cursorOf(replies, 4) })],
  ['2:publish', '3:publish', '4:subscribe', '5:subscribe', 'open']);
told('the first page again while there are more',
  [...two(2, 'kept:x'), page(4, 'kept:x'), page(5, 'kept:x')],
  ['2:publish', '3:publish', '4:subscribe', '5:105', 'open']);
told('a cursor of another channel', [...two(2, 'kept:x'), ...two(4, 'kept:y'), page(6, 'kept:x'),
  page(7, 'kept:y'), (replies) => page(8, 'kept:y', { cursor: cursorOf(replies, 6) })],
  ['2:publish', '3:publish', '4:publish', '5:publish', '6:subscribe', '7:subscribe', '8:103',
    'open'],
  { oracle: ['2:publish', '3:publish', '4:publish', '5:publish', '6:subscribe', '7:subscribe',
    '8:subscribe', 'open'], why: 'its cursors are bare keys' });
told('a cursor after an unsubscribe', [...two(2, 'kept:x'), page(4, 'kept:x'),
  { id: 5, unsubscribe: { channel: 'kept:x' } },
  (replies) => page(6, 'kept:x', { cursor: cursorOf(replies, 4) })],
  ['2:publish', '3:publish', '4:subscribe', '5:unsubscribe', '6:103', 'open'],
  { oracle: ['2:publish', '3:publish', '4:subscribe', '5:unsubscribe', 'close 3004'],
    why: 'its unsubscribe waits for the last page until it gives the connection up' });
told('a filter where there is none', [page(2, 'kept:x', { tf: { key: 'a', cmp: 'eq', val: 'b' } })],
  ['2:107', 'open']);
told('a filter that is wrong', [page(2, 'maptags:x', { tf: { key: 'a', cmp: 'is', val: 'b' } })],
  ['2:107', 'open']);
told('a publish with an empty key', [put(2, 'kept:x', '')], ['2:107', 'open']);
told('a removal of an empty key', [put(2, 'kept:x', '', { removed: true })], ['2:107', 'open']);
told('a publish with a key of 255 bytes', [put(2, 'kept:x', 'k'.repeat(255))],
  ['2:publish', 'open']);
told('a publish with a key of 256 bytes', [put(2, 'kept:x', 'k'.repeat(256))], ['2:107', 'open'],
  { oracle: ['2:publish', 'open'], why: 'it has no limit' });
told('a publish with a key that is no text',
  ['{"id":2,"publish":{"channel":"kept:x","type":1,"key":7,"data":1}}'], ['close 3501']);
told('a publish to a map as to a stream', [{ id: 2, publish: { channel: 'kept:x', data: 1 } }],
  ['2:103', 'open']);
told('a map publish to a stream', [put(2, 'stream:x', 'a')], ['2:103', 'open']);
told('a publish of an unknown type', [put(2, 'kept:x', 'a', { type: 2, data: 1 })],
  ['2:103', 'open']);
told('a removal of what is not there', [put(2, 'kept:x', 'a', { removed: true })],
  ['2:publish', 'open']);
told('a removal with a value', [put(2, 'kept:x', 'a', { removed: true, data: 1 })],
  ['2:publish', 'open']);
told('a publish without a value', [put(2, 'kept:x', 'a', {})], ['2:publish', 'open']);
told('a publish under a name of his own that names nothing', [put(2, 'byclient:x', '')],
  ['2:publish', 'open']);
told('a publish under the name of nobody', [put(2, 'byuser:x', '42')], ['2:103', 'open']);
told('a removal under the name of nobody', [put(2, 'byuser:x', '42', { removed: true })],
  ['2:103', 'open']);
told('a publish where it is not allowed', [put(2, 'readonlymap:x', 'a')], ['2:103', 'open']);
told('a removal where it is not allowed', [put(2, 'readonlymap:x', 'a', { removed: true })],
  ['2:103', 'open']);
told('a publish to a map with a name that is none', [put(2, 'kept:ы', 'a')], ['2:107', 'open']);
told('a plain publish of another type', [{ id: 2, publish: { channel: 'stream:x', type: 2,
  key: 'a', data: 1 } }], ['2:publish', 'open']);
told('a map publish to nothing known', [put(2, 'nosuch:x', 'a')], ['2:102', 'open']);

tryConversations(conversations, keyedServer);
