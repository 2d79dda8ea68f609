// Tokens for the chat page: whose is one, and one for a name.
//
// In an application a token comes from its backend, which knows who is asking. On a developer's
// machine there is none, so the page signs with the secret that tools/tickcast/example.toml has for
// everybody to read. A server with a secret of its own refuses such a token.

const EXAMPLE_SECRET = 'example-secret';
const LIFETIME_S = 3600;

const NAME = /^[A-Za-z0-9._-]{1,32}$/;

// Whether `name` can be a user or a room here. '#' and ',' have a meaning in names of channels.
export function isName(name) {
  return NAME.test(name);
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

// Whether the browser can sign: it does on https and on this machine only.
export function canSign() {
  return globalThis.crypto?.subtle !== undefined;
}

// A token of an hour for the user `name`.
export async function signedToken(name) {
  const text = new TextEncoder();
  const claims = { sub: name, exp: Math.floor(Date.now() / 1000) + LIFETIME_S };
  const parts = [{ alg: 'HS256', typ: 'JWT' }, claims];
  const signed = parts.map((part) => base64url(text.encode(JSON.stringify(part)))).join('.');
  const key = await crypto.subtle.importKey(
    'raw', text.encode(EXAMPLE_SECRET), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const signature = await crypto.subtle.sign('HMAC', key, text.encode(signed));
  return `${signed}.${base64url(new Uint8Array(signature))}`;
}

// The user that `token` is for, or '' where that cannot be told. Whether it is genuine is the
// server's to say.
export function userOf(token) {
  try {
    const part = token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/');
    const bytes = Uint8Array.from(atob(part), (character) => character.charCodeAt(0));
    const { sub } = JSON.parse(new TextDecoder().decode(bytes));
    return typeof sub === 'string' && isName(sub) ? sub : '';
  } catch {
    return '';
  }
}
