// The Protobuf form by hand: frames that are cut, empty, or no Protobuf at all.

import assert from 'node:assert/strict';

import { test, until } from '../lib/harness.mjs';
import { WebSocket } from '../lib/packages.mjs';
import { isOracle, Target } from '../lib/target.mjs';

const LIMIT_MS = 10000;
const RESULTS = { 5: 'connect', 6: 'subscribe', 7: 'unsubscribe', 8: 'publish' };

// A varint (Protocol Buffers, "Base 128 Varints") at `at`: its value and where it ends.
function varint(bytes, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return [value, at];
  }
}

// The fields of a message, [number, value] each; all that is read here are varints and messages.
function fields(bytes) {
  const found = [];
  for (let at = 0; at < bytes.length;) {
    let tag, value;
    [tag, at] = varint(bytes, at);
    [value, at] = varint(bytes, at);
    if ((tag & 7) === 2) {
      const end = at + value;
      value = bytes.subarray(at, end);
      at = end;
    }
    found.push([tag >> 3, value]);
  }
  return found;
}

// `ID:NAME` or `ID:CODE` of each reply of a frame.
function tell(frame) {
  const told = [];
  for (let at = 0; at < frame.length;) {
    let size;
    [size, at] = varint(frame, at);
    const reply = new Map(fields(frame.subarray(at, at + size)));
    at += size;
    const error = reply.get(2);
    const result = [...reply.keys()].find((number) => number >= 4);
    told.push(`${reply.get(1) ?? 0}:${error ? fields(error)[0][1] : RESULTS[result] ?? result}`);
  }
  return told;
}

async function converse(context, server, frames) {
  const socket = new WebSocket(server.socketUrl, 'centrifuge-protobuf',
    { perMessageDeflate: false });
  context.after(() => socket.terminate());
  const outcome = [];
  let closed = 0;
  socket.on('message', (frame, isBinary) => {
    assert.ok(isBinary);
    outcome.push(...tell(frame));
  });
  socket.on('close', (code) => { closed = code; });
  socket.on('error', () => {});
  await until('the WebSocket opens', () => socket.readyState === WebSocket.OPEN, LIMIT_MS);
  for (const frame of frames) {
    const known = outcome.length;
    socket.send(typeof frame === 'string' ? frame : Buffer.from(frame));
    await until('an answer', () => closed !== 0 || outcome.length > known, LIMIT_MS);
  }
  return [...outcome, closed === 0 ? 'open' : `close ${closed}`];
}

const CONNECT = [4, 0x08, 1, 0x22, 0];  // {id: 1, connect: {}}
const CHANNEL = [...Buffer.from('plain:x')];
const SUBSCRIBE = [0x08, 2, 0x2a, 9, 0x0a, 7, ...CHANNEL];  // {id: 2, subscribe: {channel}}

// Frames, their outcome, and why it is not tried with the oracle.
const CONVERSATIONS = {
  'a connect and a subscribe': [[CONNECT, [13, ...SUBSCRIBE]], ['1:connect', '2:subscribe', 'open']],
  'an unknown field in a request': [
    [CONNECT, [17, 0x08, 2, 0x2a, 13, 0x0a, 7, ...CHANNEL, 0xa2, 0x06, 1, 0]],
    ['1:connect', '2:subscribe', 'open']],
  'a command cut short': [[CONNECT, [14, ...SUBSCRIBE]], ['1:connect', 'close 3501']],
  'a length without an end': [[CONNECT, [0xff, 0xff, 0xff]], ['1:connect', 'close 3501']],
  'a length of more than there can be': [
    [CONNECT, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0]],
    ['1:connect', 'close 3501'], 'its process does not outlive it'],
  'an empty command': [[CONNECT, [0]], ['1:connect', 'close 3501']],
  'an empty frame': [[CONNECT, []], ['1:connect', 'close 3501']],
  'a field that is cut short': [[CONNECT, [5, 0x08, 2, 0x2a, 9, 0x0a]], ['1:connect', 'close 3501']],
  'a field of another wire type': [[CONNECT, [4, 0x08, 2, 0x28, 1]], ['1:connect', 'close 3501']],
  'a field of the number 0': [[CONNECT, [4, 0x08, 2, 0x02, 0]], ['1:connect', 'close 3501']],
  'no command in a command': [[CONNECT, [2, 0x08, 2]], ['1:connect', 'close 3501']],
  'text that is JSON': [[CONNECT, '{"id":2,"subscribe":{"channel":"plain:x"}}'],
    ['1:connect', 'close 3501']],
  'a subscribe before connect': [[[13, ...SUBSCRIBE]], ['close 3501']],
};

for (const [name, [frames, outcome, notThere]] of Object.entries(CONVERSATIONS)) {
  test(`sdk_wire: protobuf: ${name}`, async (t) => {
    if (isOracle && notThere) t.skip(notThere);
    const server = await Target.start(t);
    assert.deepEqual(await converse(t, server, frames), outcome);
  });
}
