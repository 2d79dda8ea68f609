// ChatView: draws conversations into the page. Everything from others goes in as text, never as
// markup.

const byId = (id) => document.getElementById(id);
const clock = new Intl.DateTimeFormat([], { hour: '2-digit', minute: '2-digit' });

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

export class ChatView {
  // `handlers`: open(conversation), again(message), write(user).
  constructor(handlers) {
    this.handlers = handlers;
    this.shown = new Map();  // Message -> its line, of the conversation that is open.
    this.open = null;
  }

  showState(name, detail) {
    const state = byId('state');
    state.hidden = false;
    state.dataset.state = name;
    state.textContent = name === 'connecting' && detail ? `reconnecting: ${detail}` : name;
    state.title = detail;
  }

  showLists(conversations) {
    const all = [...conversations.values()];
    for (const [kind, list] of [['room', byId('rooms')], ['person', byId('persons')]]) {
      const entries = all.filter((conversation) => conversation.kind === kind);
      this.fill(list, entries, (conversation) => {
        const button = element('button', { type: 'button', className: 'entry' }, conversation.name);
        button.dataset.key = conversation.key;
        button.setAttribute('aria-current', String(conversation === this.open));
        if (conversation.unread > 0) {
          button.append(element('span', { className: 'unread' }, String(conversation.unread),
            element('span', { className: 'unseen' }, ' unread')));
        }
        button.addEventListener('click', () => this.handlers.open(conversation));
        return button;
      });
    }
    const unread = all.reduce((sum, conversation) => sum + conversation.unread, 0);
    document.title = unread > 0 ? `(${unread}) tickcast chat` : 'tickcast chat';
  }

  // Draws a list anew, and leaves the focus on the entry that had it.
  fill(list, entries, button) {
    const focused = list.contains(document.activeElement) ? document.activeElement.dataset.key : '';
    list.replaceChildren(...entries.map((entry) => element('li', {}, button(entry))));
    if (!focused) return;
    [...list.querySelectorAll('button')].find(({ dataset }) => dataset.key === focused)?.focus();
  }

  showConversation(conversation) {
    if (this.open !== conversation) {
      this.open = conversation;
      this.shown.clear();
      byId('log').replaceChildren();
    }
    byId('title').textContent =
      conversation.kind === 'room' ? conversation.name : `${conversation.name}, private`;
    byId('leave').hidden = conversation.kind !== 'room';
    this.showMessages(conversation);
    this.showPeople(conversation);
  }

  // Only lines that are new or have changed are touched: a screen reader reads what is added.
  showMessages(conversation) {
    const log = byId('log');
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    const lines = conversation.messages.map((message) => {
      const line = this.shown.get(message);
      return line && line.dataset.status === message.status ? line : this.line(message);
    });
    this.shown = new Map(conversation.messages.map((message, index) => [message, lines[index]]));
    for (const old of [...log.children]) if (!lines.includes(old)) old.remove();
    lines.forEach((line, index) => {
      if (log.children[index] !== line) log.insertBefore(line, log.children[index] ?? null);
    });
    if (atEnd) log.scrollTop = log.scrollHeight;
  }

  line(message) {
    const line = element('li');
    line.dataset.status = message.status;
    if (message.note) {
      line.className = 'note';
      line.append(message.text);
      return line;
    }
    line.classList.toggle('mine', message.mine);
    line.classList.add(message.status);
    line.append(element('span', { className: 'from' }, message.from),
      element('span', { className: 'text' }, message.text));
    if (message.status === 'failed') {
      const again = element('button', { type: 'button' }, 'Send again');
      again.addEventListener('click', () => this.handlers.again(message));
      line.append(element('span', { className: 'fault' }, `not sent: ${message.fault}`), again);
    } else if (message.status === 'sending') {
      line.append(element('time', {}, 'sending'));
    } else {
      const at = new Date(message.at);
      const valid = !Number.isNaN(at.getTime());
      line.append(element('time', { dateTime: valid ? at.toISOString() : '' },
        valid ? clock.format(at) : ''));
    }
    return line;
  }

  showPeople(conversation) {
    byId('present').hidden = conversation.kind !== 'room';
    this.fill(byId('people'), conversation.users(), ([user, connections]) => {
      const name = user || 'anonymous';
      const button = element('button', { type: 'button', className: 'entry' },
        connections > 1 ? `${name} (${connections})` : name);
      button.dataset.key = user;
      button.disabled = user === '';
      button.title = user === '' ? '' : `Write to ${user}`;
      button.addEventListener('click', () => this.handlers.write(user));
      return button;
    });
  }
}
