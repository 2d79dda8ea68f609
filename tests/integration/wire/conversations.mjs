// What a client may get wrong, and what it is told: raw JSON frames and the outcome that is right.
//
// An outcome is a list, ordered so: `ID:NAME` for the reply to that command, `ID:CODE` for its
// error, `close CODE`, `push NAME` for each push, and `open` where the connection is as good as
// before; one that ends without either says nothing of the connection, which an SDK closes itself
// then. Where a Centrifugo 6.9.1 answers otherwise, `oracle` has its outcome and `why` the reason
// for the difference.

import { makeToken, secondsFromNow } from '../lib/jwt.mjs';
import { TOKEN_SECRET } from '../lib/target.mjs';

const sign = (claims) => makeToken(claims, TOKEN_SECRET);
const CONNECT = { id: 1, connect: {} };
const asUser = (user, claims = {}) =>
  ({ id: 1, connect: { token: sign({ sub: user, ...claims }) } });
const subscribe = (id, channel, more = {}) => ({ id, subscribe: { channel, ...more } });

export const conversations = [];

// `frames` are sent one after the other, each when the one before is answered: text as it is, an
// object as one command, a list as several commands in one frame.
function told(name, frames, outcome, options = {}) {
  conversations.push({ name, frames, outcome, ...options });
}

const SECURE = { config: { 'client.allow_anonymous_connect_without_token': false } };

// Before and around the connect.
told('two connects', [CONNECT, { id: 2, connect: {} }], ['1:connect', 'close 3501']);
told('two connects in one frame', [[CONNECT, { id: 2, connect: {} }]], ['1:connect', 'close 3501']);
told('subscribe before connect', [subscribe(1, 'plain:x')], ['close 3501']);
told('publish before connect',
  [{ id: 1, publish: { channel: 'plain:x', data: 1 } }], ['close 3501']);
told('rpc before connect', [{ id: 1, rpc: { method: 'x', data: {} } }], ['close 3501']);
told('refresh before connect', [{ id: 1, refresh: { token: 'x' } }], ['close 3501']);
told('send before connect', [{ send: { data: {} } }], ['close 3501']);
told('a pong before connect', ['{}'], ['close 3501']);
told('connect without an id', [{ connect: {} }], ['close 3501']);
told('connect and subscribe in one frame', [[CONNECT, subscribe(2, 'plain:x')]],
  ['1:connect', '2:subscribe', 'open']);
told('no token where one is needed', [CONNECT], ['close 3501'], SECURE);
told('a token that is none', [{ id: 1, connect: { token: 'x' } }], ['close 3500'], SECURE);
told('a token of another secret', [{ id: 1, connect: { token: makeToken({ sub: '1' }, 'x') } }],
  ['close 3500'], SECURE);
told('an expired token', [asUser('42', { exp: secondsFromNow(-10) })], ['1:109'], SECURE);
told('a token that is not valid yet', [asUser('42', { nbf: secondsFromNow(600) })], ['1:109'],
  SECURE);
told('a subscription token as a connection token', [asUser('42', { channel: 'plain:x' })],
  ['close 3500'], SECURE);
told('a number as token', [{ id: 1, connect: { token: 7 } }], ['close 3501'], SECURE);
told('a token whose channels are of no namespace', [asUser('42', { channels: ['nosuch:x'] })],
  ['1:102'], SECURE);

// What is no command.
told('no JSON', [CONNECT, 'hello'], ['1:connect', 'close 3501']);
told('half a command',
  [CONNECT, '{"id":2,"subscribe":{"channel":"plain'], ['1:connect', 'close 3501']);
told('a list', [CONNECT, '[]'], ['1:connect', 'close 3501']);
told('a string', [CONNECT, '"subscribe"'], ['1:connect', 'close 3501']);
told('null', [CONNECT, 'null'], ['1:connect', 'close 3501']);
told('an unknown command', [CONNECT, { id: 2, dance: {} }], ['1:connect', 'close 3501']);
told('an id alone', [CONNECT, { id: 2 }], ['1:connect', 'close 3501']);
told('the ping of version 1', [CONNECT, { id: 2, ping: {} }], ['1:connect', 'close 3501']);
told('a pong that nobody asked for', [CONNECT, '{}'], ['1:connect', 'close 3501']);
told('a command without an id', [CONNECT, { subscribe: { channel: 'plain:x' } }],
  ['1:connect', 'close 3501']);
told('a negative id', [CONNECT, '{"id":-2,"subscribe":{"channel":"plain:x"}}'],
  ['1:connect', 'close 3501']);
told('an id that is no number', [CONNECT, '{"id":"2","subscribe":{"channel":"plain:x"}}'],
  ['1:connect', 'close 3501']);
told('an id over 32 bits', [CONNECT, '{"id":4294967296,"subscribe":{"channel":"plain:x"}}'],
  ['1:connect', 'close 3501']);
told('one id twice', [CONNECT, subscribe(2, 'plain:x'), subscribe(2, 'plain:y')],
  ['1:connect', '2:subscribe', '2:subscribe', 'open']);
told('a request of another type',
  [CONNECT, '{"id":2,"subscribe":[]}'], ['1:connect', 'close 3501']);
told('a channel of another type', [CONNECT, '{"id":2,"subscribe":{"channel":7}}'],
  ['1:connect', 'close 3501']);
told('unknown members', [CONNECT, { id: 2, subscribe: { channel: 'plain:x', colour: 'red' } }],
  ['1:connect', '2:subscribe', 'open']);
told('rubbish behind a command', [CONNECT, '{"id":2,"subscribe":{"channel":"nosuch:x"}}\nrubbish'],
  ['1:connect', '2:102', 'close 3501']);
told('an empty line between commands',
  [CONNECT, '{"id":2,"subscribe":{"channel":"nosuch:x"}}\n\n{"id":3,"unsubscribe":{"channel":"a"}}'],
  ['1:connect', '2:102', 'close 3501']);
told('an empty frame', [CONNECT, ''], ['1:connect', 'close 3501']);

// Subscribing.
told('an unknown namespace', [CONNECT, subscribe(2, 'nosuch:x')], ['1:connect', '2:102', 'open']);
told('an empty channel', [CONNECT, subscribe(2, '')], ['1:connect', 'close 3501']);
told('no channel', [CONNECT, { id: 2, subscribe: {} }], ['1:connect', 'close 3501']);
told('a closed channel', [CONNECT, subscribe(2, 'closed:x')], ['1:connect', '2:103', 'open']);
told('a channel twice', [CONNECT, subscribe(2, 'plain:x'), subscribe(3, 'plain:x')],
  ['1:connect', '2:subscribe', '3:105', 'open']);
told('a channel twice in one frame', [CONNECT, [subscribe(2, 'plain:x'), subscribe(3, 'plain:x')]],
  ['1:connect', '2:subscribe', '3:105', 'open']);
told('a channel that the server subscribed', [asUser('42', { channels: ['plain:x'] }),
  subscribe(2, 'plain:x')], ['1:connect', '2:105', 'open']);
told('a name of 255 bytes', [CONNECT, subscribe(2, `plain:${'x'.repeat(249)}`)],
  ['1:connect', '2:subscribe', 'open']);
told('a name of 256 bytes', [CONNECT, subscribe(2, `plain:${'x'.repeat(250)}`)],
  ['1:connect', '2:107', 'open']);
told('one subscription too many', [CONNECT, subscribe(2, 'plain:1'), subscribe(3, 'plain:2'),
  subscribe(4, 'plain:3')], ['1:connect', '2:subscribe', '3:subscribe', '4:106', 'open'],
{ config: { 'client.channel_limit': 2 } });
told('subscribe, unsubscribe, subscribe in one frame', [CONNECT, [subscribe(2, 'plain:x'),
  { id: 3, unsubscribe: { channel: 'plain:x' } }, subscribe(4, 'plain:x')]],
['1:connect', '2:subscribe', '3:unsubscribe', '4:subscribe', 'open']);
told('unsubscribe from nothing', [CONNECT, { id: 2, unsubscribe: { channel: 'plain:x' } }],
  ['1:connect', '2:unsubscribe', 'open']);
told('unsubscribe from an unknown namespace',
  [CONNECT, { id: 2, unsubscribe: { channel: 'nosuch:x' } }],
  ['1:connect', '2:unsubscribe', 'open']);
told('unsubscribe without a channel', [CONNECT, { id: 2, unsubscribe: {} }],
  ['1:connect', 'close 3501']);
told('a subscription token that is none', [CONNECT, subscribe(2, 'closed:x', { token: 'x' })],
  ['1:connect', '2:103', 'open']);
told('a subscription token of another channel', [CONNECT,
  subscribe(2, 'closed:x', { token: sign({ channel: 'closed:y' }) })], ['1:connect', 'close 3500']);
told('a subscription token of another user', [asUser('42'),
  subscribe(2, 'closed:x', { token: sign({ sub: '43', channel: 'closed:x' }) })],
['1:connect', 'close 3500']);
told('a subscription token without a channel', [CONNECT,
  subscribe(2, 'closed:x', { token: sign({}) })], ['1:connect', '2:103', 'open']);
told('an expired subscription token', [CONNECT,
  subscribe(2, 'closed:x', { token: sign({ channel: 'closed:x', exp: secondsFromNow(-10) }) })],
['1:connect', '2:109', 'open']);
told('a connection token as a subscription token', [asUser('42'),
  subscribe(2, 'closed:x', { token: sign({ sub: '42' }) })], ['1:connect', '2:103', 'open']);
told('a user limited channel of others', [asUser('42'), subscribe(2, 'limited:x#43')],
  ['1:connect', '2:103', 'open']);
told('a user limited channel of oneself', [asUser('42'), subscribe(2, 'limited:x#42')],
  ['1:connect', '2:subscribe', 'open']);
told('recover where there is no history', [CONNECT,
  subscribe(2, 'plain:x', { recover: true, offset: 1, epoch: 'x' })],
['1:connect', '2:subscribe', 'open']);
told('recover from another epoch', [CONNECT,
  subscribe(2, 'chat:x', { recover: true, offset: 1, epoch: 'x' })],
['1:connect', '2:subscribe', 'push join', 'open']);
told('recover from another epoch, or not at all', [CONNECT,
  subscribe(2, 'chat:x', { recover: true, offset: 1, epoch: 'x', flag: 2 })],
['1:connect', '2:112', 'open']);
told('a map subscription of a stream channel', [CONNECT, subscribe(2, 'plain:x', { type: 1 })],
  ['1:connect', '2:103', 'open']);
told('a subscription of an unknown type', [CONNECT, subscribe(2, 'plain:x', { type: 99 })],
  ['1:connect', '2:103', 'open'], { oracle: ['1:connect', 'close 3004'],
    why: 'what a client gets wrong is no internal error' });
told('a delta that nobody knows', [CONNECT, subscribe(2, 'delta:x', { delta: 'zip' })],
  ['1:connect', 'close 3501']);
told('a delta where none is allowed', [CONNECT, subscribe(2, 'plain:x', { delta: 'fossil' })],
  ['1:connect', '2:subscribe', 'open']);
told('a tag filter where none is allowed', [CONNECT,
  subscribe(2, 'plain:x', { tf: { key: 'a', cmp: 'ex' } })], ['1:connect', '2:107', 'open']);
told('a tag filter that is none', [CONNECT,
  subscribe(2, 'tagged:x', { tf: { key: 'a', cmp: 'like', val: 'b' } })],
['1:connect', '2:107', 'open']);
told('a tag filter with an unknown operator', [CONNECT,
  subscribe(2, 'tagged:x', { tf: { op: 'xor', nodes: [] } })], ['1:connect', '2:107', 'open']);
told('a tag filter of another type',
  [CONNECT, '{"id":2,"subscribe":{"channel":"tagged:x","tf":7}}'],
  ['1:connect', 'close 3501']);

// Publishing and reading.
told('publish where nobody may', [CONNECT, { id: 2, publish: { channel: 'closed:x', data: 1 } }],
  ['1:connect', '2:103', 'open']);
told('publish without a subscription',
  [CONNECT, { id: 2, publish: { channel: 'chat:x', data: 1 } }],
  ['1:connect', '2:103', 'open']);
told('publish without data', [CONNECT, { id: 2, publish: { channel: 'plain:x' } }],
  ['1:connect', '2:107', 'open']);
told('publish without a channel', [CONNECT, { id: 2, publish: { data: 1 } }],
  ['1:connect', 'close 3501']);
told('publish to an unknown namespace',
  [CONNECT, { id: 2, publish: { channel: 'nosuch:x', data: 1 } }],
  ['1:connect', '2:102', 'open']);
told('publish of null', [CONNECT, '{"id":2,"publish":{"channel":"plain:x","data":null}}'],
  ['1:connect', '2:publish', 'open']);
told('history where there is none', [CONNECT, subscribe(2, 'plain:x'),
  { id: 3, history: { channel: 'plain:x', limit: 1 } }],
['1:connect', '2:subscribe', '3:108', 'open']);
told('history without a subscription',
  [CONNECT, { id: 2, history: { channel: 'chat:x', limit: 1 } }],
  ['1:connect', '2:103', 'open']);
told('history that nobody may read', [CONNECT, subscribe(2, 'readonly:x'),
  { id: 3, history: { channel: 'readonly:x', limit: 1 } }],
['1:connect', '2:subscribe', '3:103', 'open']);
told('history of an unknown namespace', [CONNECT, { id: 2, history: { channel: 'nosuch:x' } }],
  ['1:connect', '2:102', 'open']);
told('history without a channel', [CONNECT, { id: 2, history: {} }], ['1:connect', 'close 3501']);
told('history since another epoch', [CONNECT, subscribe(2, 'chat:x'),
  { id: 3, history: { channel: 'chat:x', limit: 1, since: { offset: 1, epoch: 'x' } } }],
['1:connect', '2:subscribe', '3:112', 'push join', 'open']);
told('presence that nobody may read', [CONNECT, subscribe(2, 'readonly:x'),
  { id: 3, presence: { channel: 'readonly:x' } }], ['1:connect', '2:subscribe', '3:103', 'open']);
told('presence where there is none', [CONNECT, { id: 2, presence: { channel: 'plain:x' } }],
  ['1:connect', '2:108', 'open']);
told('presence without a subscription', [CONNECT, { id: 2, presence: { channel: 'chat:x' } }],
  ['1:connect', '2:103', 'open']);
told('presence without a channel', [CONNECT, { id: 2, presence: {} }], ['1:connect', 'close 3501']);
told('presence_stats without a channel', [CONNECT, { id: 2, presence_stats: {} }],
  ['1:connect', 'close 3501']);
told('presence_stats that nobody may read',
  [CONNECT, { id: 2, presence_stats: { channel: 'closed:x' } }],
  ['1:connect', '2:108', 'open']);
told('presence_stats without a subscription',
  [CONNECT, { id: 2, presence_stats: { channel: 'chat:x' } }],
  ['1:connect', '2:103', 'open']);

// The rest.
told('rpc without a proxy', [CONNECT, { id: 2, rpc: { method: 'x', data: {} } }],
  ['1:connect', '2:108', 'open']);
told('rpc without a method', [CONNECT, { id: 2, rpc: {} }], ['1:connect', '2:108', 'open']);
told('send without anybody who takes it',
  [CONNECT, { send: { data: {} } }], ['1:connect', 'close 3508']);
told('refresh with a token that is none', [asUser('42', { exp: secondsFromNow(600) }),
  { id: 2, refresh: { token: 'x' } }], ['1:connect', 'close 3500']);
told('refresh without a token',
  [asUser('42', { exp: secondsFromNow(600) }), { id: 2, refresh: {} }],
  ['1:connect', 'close 3501']);
told('refresh to another user', [asUser('42', { exp: secondsFromNow(600) }),
  { id: 2, refresh: { token: sign({ sub: '43', exp: secondsFromNow(900) }) } }],
['1:connect', 'close 3500']);
told('refresh with an expired token', [asUser('42', { exp: secondsFromNow(600) }),
  { id: 2, refresh: { token: sign({ sub: '42', exp: secondsFromNow(-10) }) } }],
['1:connect', 'close 3005']);
const replayed = sign({ sub: '42', exp: secondsFromNow(600) });
told('refresh with the token of the connect, twice', [{ id: 1, connect: { token: replayed } },
  { id: 2, refresh: { token: replayed } }, { id: 3, refresh: { token: replayed } }],
['1:connect', '2:refresh', '3:refresh', 'open']);
told('refresh of a connection that does not expire', [asUser('42'),
  { id: 2, refresh: { token: sign({ sub: '42', exp: secondsFromNow(600) }) } }],
['1:connect', '2:refresh', 'open']);
const subToken = (channel, life) => sign({ sub: '42', channel, exp: secondsFromNow(life) });
told('sub_refresh of a channel that is not subscribed', [asUser('42'),
  { id: 2, sub_refresh: { channel: 'closed:x', token: subToken('closed:x', 600) } }],
['1:connect', '2:103', 'open']);
told('sub_refresh with a token that is none', [asUser('42'),
  subscribe(2, 'closed:x', { token: subToken('closed:x', 600) }),
  { id: 3, sub_refresh: { channel: 'closed:x', token: 'x' } }],
['1:connect', '2:subscribe', 'close 3500']);
told('sub_refresh with a token of another channel', [asUser('42'),
  subscribe(2, 'closed:x', { token: subToken('closed:x', 600) }),
  { id: 3, sub_refresh: { channel: 'closed:x', token: subToken('closed:y', 600) } }],
['1:connect', '2:subscribe', 'close 3500']);
told('sub_refresh with a token of another user', [asUser('42'),
  subscribe(2, 'closed:x', { token: subToken('closed:x', 600) }),
  { id: 3, sub_refresh: { channel: 'closed:x',
    token: sign({ sub: '43', channel: 'closed:x', exp: secondsFromNow(600) }) } }],
['1:connect', '2:subscribe', 'close 3500']);
told('sub_refresh without a token', [asUser('42'),
  subscribe(2, 'closed:x', { token: subToken('closed:x', 600) }),
  { id: 3, sub_refresh: { channel: 'closed:x' } }], ['1:connect', '2:subscribe', '3:107', 'open']);
told('sub_refresh with an expired token', [asUser('42'),
  subscribe(2, 'closed:x', { token: subToken('closed:x', 600) }),
  { id: 3, sub_refresh: { channel: 'closed:x', token: subToken('closed:x', -10) } }],
['1:connect', '2:subscribe', '3:109', 'open'], {
  oracle: ['1:connect', '2:subscribe', '3:sub_refresh', 'open'],
  why: 'a token whose time is over lengthens nothing; there, the subscription never ends then' });
told('sub_refresh without a channel', [asUser('42'), { id: 3, sub_refresh: { token: 'x' } }],
  ['1:connect', 'close 3501']);
told('sub_refresh, twice with one token', [asUser('42'),
  subscribe(2, 'closed:x', { token: subToken('closed:x', 600) }),
  { id: 3, sub_refresh: { channel: 'closed:x', token: subToken('closed:x', 700) } },
  { id: 4, sub_refresh: { channel: 'closed:x', token: subToken('closed:x', 700) } }],
['1:connect', '2:subscribe', '3:sub_refresh', '4:sub_refresh', 'open']);
told('track on a stream channel', [CONNECT, subscribe(2, 'plain:x'),
  { id: 3, sub_refresh: { channel: 'plain:x', type: 1, track: [] } }],
['1:connect', '2:subscribe', '3:107', 'open']);
told('a map publish to a stream channel', [CONNECT, subscribe(2, 'chat:x'),
  { id: 3, publish: { channel: 'chat:x', type: 1, key: 'k', data: 1 } }],
['1:connect', '2:subscribe', '3:103', 'push join', 'open']);
