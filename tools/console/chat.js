// The chat page: signs in, keeps what the user does and what the server says in step with the view.

import { ChatClient, MAX_TEXT_LENGTH } from './chat_client.js';
import { canSign, isName, signedToken, userOf } from './chat_token.js';
import { ChatView } from './chat_view.js';

const FIRST_ROOM = 'lobby';
const NAME_RULE = 'Use 1 to 32 letters, digits, dots, dashes and underscores.';

const byId = (id) => document.getElementById(id);
const endpoint = new URL('connection/websocket', location.href);
endpoint.protocol = endpoint.protocol === 'https:' ? 'wss:' : 'ws:';
endpoint.hash = '';
endpoint.search = '';

let client = null;

// What a browser remembers for a page, which it may refuse to.
const memory = {
  read(storage, key) {
    try {
      return JSON.parse(globalThis[storage].getItem(`tickcast-chat-${key}`));
    } catch {
      return null;
    }
  },
  write(storage, key, value) {
    try {
      globalThis[storage].setItem(`tickcast-chat-${key}`, JSON.stringify(value));
    } catch {
      // A page that forgets still works.
    }
  },
};

const view = new ChatView({
  open: (conversation) => open(conversation),
  again: (message) => client.send(view.open, message.text, message),
  write: (user) => open(client.conversation('person', user)),
});

function notice(text) {
  byId('notice').textContent = text;
  byId('notice').hidden = text === '';
}

function open(conversation, { focus = true } = {}) {
  conversation.unread = 0;
  view.showConversation(conversation);
  view.showLists(client.conversations);
  byId('composer-error').textContent = '';
  if (focus) byId('text').focus();
}

function changed(conversation) {
  if (conversation === view.open) {
    if (!document.hidden) conversation.unread = 0;
    view.showConversation(conversation);
  }
  view.showLists(client.conversations);
}

function rememberRooms() {
  memory.write('localStorage', `rooms-${client.user}`, [...client.subscriptions.keys()]);
}

function stateChanged(name, detail) {
  view.showState(name, detail);
  if (name === 'connected') notice('');
  if (name === 'disconnected' && detail !== 'disconnect called') {
    notice(`The server ended the connection: ${detail}.`);
  }
}

// Where the server cannot be reached or says no, the chat stays, with what is there already.
function enter(user, credentials) {
  byId('sign-in').hidden = true;
  byId('chat').hidden = false;
  byId('account').hidden = false;
  byId('me').textContent = user;
  client = new ChatClient(endpoint.href, user, credentials,
    { state: stateChanged, changed, problem: notice });
  const rooms = memory.read('localStorage', `rooms-${user}`);
  const known = Array.isArray(rooms) ? rooms.filter(isName) : [];
  for (const name of known.length > 0 ? known : [FIRST_ROOM]) client.join(name);
  open(client.conversation('room', [...client.subscriptions.keys()][0]));
}

function enterWithToken(token) {
  enter(userOf(token), { token });
}

function enterWithName(name) {
  enter(name, { getToken: () => signedToken(name) });
}

function signInError() {
  const token = byId('token').value.trim();
  if (token !== '') return userOf(token) === '' ? 'This is no token of a user.' : '';
  if (!isName(byId('name').value.trim())) return NAME_RULE;
  return canSign() ? '' : 'This browser signs on https and localhost only: give a token.';
}

byId('sign-in').addEventListener('submit', (event) => {
  event.preventDefault();
  const error = signInError();
  byId('sign-in-error').textContent = error;
  if (error !== '') return;
  const name = byId('name').value.trim();
  const token = byId('token').value.trim();
  memory.write('sessionStorage', 'user', token === '' ? { name } : { token });
  if (token === '') enterWithName(name);
  else enterWithToken(token);
});

byId('sign-out').addEventListener('click', () => {
  memory.write('sessionStorage', 'user', null);
  client.close();
  location.replace(location.pathname);
});

byId('join').addEventListener('submit', (event) => {
  event.preventDefault();
  const name = byId('room').value.trim();
  byId('join-error').textContent = isName(name) ? '' : NAME_RULE;
  if (!isName(name)) return;
  byId('room').value = '';
  open(client.join(name));
  rememberRooms();
});

byId('leave').addEventListener('click', () => {
  client.leave(view.open.name);
  if (client.subscriptions.size === 0) client.join(FIRST_ROOM);
  rememberRooms();
  open(client.conversation('room', [...client.subscriptions.keys()][0]));
});

byId('write-to').addEventListener('submit', (event) => {
  event.preventDefault();
  const name = byId('person').value.trim();
  byId('write-to-error').textContent = isName(name) ? '' : NAME_RULE;
  if (!isName(name)) return;
  byId('person').value = '';
  open(client.conversation('person', name));
});

byId('composer').addEventListener('submit', (event) => {
  event.preventDefault();
  const text = byId('text').value.trim();
  const tooLong = text.length > MAX_TEXT_LENGTH;
  byId('composer-error').textContent =
    tooLong ? `${text.length} characters: at most ${MAX_TEXT_LENGTH} can be sent.` : '';
  if (text === '' || tooLong) return;
  byId('text').value = '';
  client.send(view.open, text);
});

byId('text').addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  byId('composer').requestSubmit();
});

document.addEventListener('visibilitychange', () => {
  if (client && view.open && !document.hidden) open(view.open, { focus: false });
});

function start() {
  if (globalThis.Centrifuge === undefined) {
    notice('This server was built without the SDK that the chat uses: install npm and build again.');
    return;
  }
  const given = new URLSearchParams(location.hash.slice(1)).get('token') ?? '';
  const user = memory.read('sessionStorage', 'user');
  if (userOf(given) !== '') enterWithToken(given);
  else if (userOf(user?.token ?? '') !== '') enterWithToken(user.token);
  else if (isName(user?.name ?? '') && canSign()) enterWithName(user.name);
  else {
    byId('sign-in').hidden = false;
    if (given !== '') notice('The token in the address is no token of a user.');
    byId('name').focus();
  }
}

start();
