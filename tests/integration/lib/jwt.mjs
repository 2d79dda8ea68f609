// JSON Web Tokens, HS256 (RFC 7519, RFC 7515), made without a library: two lines of Base64url.

import crypto from 'node:crypto';

export function makeToken(claims, secret, header = { alg: 'HS256', typ: 'JWT' }) {
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${encode(header)}.${encode(claims)}`;
  const signature = crypto.createHmac('sha256', secret).update(signed).digest('base64url');
  return `${signed}.${signature}`;
}

export function secondsFromNow(seconds) {
  return Math.floor(Date.now() / 1000) + seconds;
}
