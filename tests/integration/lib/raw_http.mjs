// HTTP by hand over a TCP socket, for requests that a client library would not let out.

import net from 'node:net';

import { within } from './harness.mjs';

const LIMIT_MS = 10000;

export function parseResponse(text) {
  const end = text.indexOf('\r\n\r\n');
  const [statusLine, ...lines] = text.slice(0, end).split('\r\n');
  const headers = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  return { status: Number(statusLine.split(' ')[1]), headers, body: text.slice(end + 4) };
}

// Sends `text` and collects until the server closes; the response and how long that took.
export function exchange(server, text, limitMs = LIMIT_MS) {
  const beganMs = Date.now();
  return within(limitMs, 'the server closes the connection', new Promise((resolve, reject) => {
    const socket = net.connect(server.port, '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => { answer += chunk; });
    socket.on('error', reject);
    socket.on('close', () => {
      resolve({ ...parseResponse(answer), text: answer, tookMs: Date.now() - beganMs });
    });
  }));
}

// A request head with `lines` between the request line and the end.
export function head(method, target, lines = []) {
  return [`${method} ${target} HTTP/1.1`, 'Host: localhost', ...lines, '', ''].join('\r\n');
}

export const UPGRADE_LINES = [
  'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];
