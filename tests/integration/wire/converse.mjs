// Holds conversations in raw JSON frames and compares their outcomes (conversations.mjs).

import assert from 'node:assert/strict';

import { test, until } from '../lib/harness.mjs';
import { WebSocket } from '../lib/packages.mjs';
import { isOracle } from '../lib/target.mjs';

const LIMIT_MS = 10000;
const MARKER = 900;

function kindOf(reply) {
  if (reply.error) return String(reply.error.code);
  return Object.keys(reply).find((name) => name !== 'id') ?? 'nothing';
}

// Holds one conversation, and returns its outcome.
async function converse(context, server, frames, sayHowItEnds = true) {
  const socket = new WebSocket(server.socketUrl, { perMessageDeflate: false });
  context.after(() => socket.terminate());
  const replies = [];
  const pushes = [];
  const answered = [];
  const results = new Map();
  let closed = 0;
  socket.on('message', (message) => {
    for (const line of message.toString().split('\n').filter((each) => each !== '')) {
      const reply = JSON.parse(line);
      if (reply.push) {
        pushes.push(`push ${Object.keys(reply.push).find((name) => name !== 'channel')}`);
      } else if (reply.id !== undefined) {
        answered.push(reply.id);
        if (reply.id === MARKER) continue;
        results.set(reply.id, reply);
        replies.push({ id: reply.id, text: `${reply.id}:${kindOf(reply)}` });
      }
    }
  });
  socket.on('close', (code) => { closed = code; });
  socket.on('error', () => {});
  await until('the WebSocket opens', () => socket.readyState === WebSocket.OPEN, LIMIT_MS);

  // The commands of one frame are answered in any order; the next frame goes when all are.
  let sent = 0;
  const marker = sayHowItEnds
    ? [{ id: MARKER, presence_stats: { channel: 'nosuch:marker' } }] : [];
  for (const next of [...frames, ...marker]) {
    if (closed !== 0) break;
    const frame = typeof next === 'function' ? next(results) : next;
    const commands = typeof frame === 'string' ? [] : [frame].flat();
    socket.send(typeof frame === 'string'
      ? frame : commands.map((each) => JSON.stringify(each)).join('\n'));
    sent += typeof frame === 'string'
      ? frame.split('\n').filter((line) => /"id":/.test(line)).length
      : commands.filter(({ id }) => id !== undefined).length;
    const isSilent = typeof frame === 'string'
      ? !/"id":/.test(frame) : commands[0].id === undefined;
    if (!isSilent) {
      await until(`an answer to ${JSON.stringify(frame)}`,
        () => closed !== 0 || answered.length >= sent, LIMIT_MS);
    }
  }
  const outcome = [...replies.sort((a, b) => a.id - b.id).map(({ text }) => text), ...pushes];
  if (!sayHowItEnds) return outcome;
  return [...outcome, closed === 0 ? 'open' : `close ${closed}`];
}

// Declares a case for each; `start(t, config)` gives its server.
export function tryConversations(conversations, start) {
  for (const { name, frames, outcome, oracle, notThere, config } of conversations) {
    test(`sdk_wire: ${name}`, async (t) => {
      if (isOracle && notThere) t.skip(notThere);
      const server = await start(t, config);
      const right = isOracle && oracle ? oracle : outcome;
      const bystander = await converse(t, server, []).catch(() => []);
      assert.ok(bystander.length > 0);
      const saysHowItEnds = /^(open|close )/.test(right.at(-1));
      assert.deepEqual(await converse(t, server, frames, saysHowItEnds), right);
    });
  }
}
