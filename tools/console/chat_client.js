// ChatClient: rooms and private messages over the official SDK; knows no page.
//
// A room is the channel room:NAME, a person's inbox user:#NAME, which nobody else can read. Both
// keep a history: what is missed while the connection is away comes by the SDK's recovery, and what
// recovery cannot give (a page that was closed, too long an absence) is read from the history. A
// private message goes to the other's inbox and, as a copy, to one's own, so that one's other tabs
// and the next visit have both sides. Who wrote it says the server (`info`), not the message.

import { Conversation } from './chat_conversation.js';

const HISTORY_LIMIT = 100;
export const MAX_TEXT_LENGTH = 4000;

const ROOM = 'room:';
const INBOX = 'user:#';

function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)),
    (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function reasonOf(error) {
  return error?.message || String(error?.code ?? error);
}

export class ChatClient {
  // `credentials` are the SDK's options token or getToken. `handlers`: state(name, detail) with name
  // connecting, connected or disconnected; changed(conversation) when anything of it did;
  // problem(text) for what was refused.
  constructor(url, user, credentials, handlers) {
    this.user = user;
    this.handlers = handlers;
    this.conversations = new Map();
    this.subscriptions = new Map();  // Room's name -> subscription.
    this.centrifuge = new globalThis.Centrifuge(url, credentials);
    this.centrifuge
      .on('connecting', (context) => handlers.state('connecting', context.code ? context.reason : ''))
      .on('connected', () => handlers.state('connected', ''))
      .on('disconnected', (context) => handlers.state('disconnected', context.reason))
      .on('error', (context) => {
        // Of a connection that could not be made the state tells.
        if (context.type !== 'transport') handlers.problem(reasonOf(context.error));
      });
    this.inbox = this.centrifuge.newSubscription(INBOX + user, { recoverable: true });
    this.listen(this.inbox, (publication, place) => this.takePrivate(publication, place),
      () => null);
    this.inbox.subscribe();
    this.centrifuge.connect();
  }

  close() {
    this.centrifuge.disconnect();
  }

  // The conversation with `name`, made where there was none.
  conversation(kind, name) {
    const key = `${kind}:${name}`;
    if (!this.conversations.has(key)) {
      this.conversations.set(key, new Conversation(kind, name));
    }
    return this.conversations.get(key);
  }

  join(name) {
    const room = this.conversation('room', name);
    if (this.subscriptions.has(name)) return room;
    const subscription = this.centrifuge.newSubscription(
      ROOM + name, { recoverable: true, joinLeave: true });
    this.subscriptions.set(name, subscription);
    this.listen(subscription, (publication, place) => this.take(room, publication, place),
      () => room);
    subscription
      .on('join', ({ info }) => this.changePeople(room, () => room.people.set(info.client, info.user)))
      .on('leave', ({ info }) => this.changePeople(room, () => room.people.delete(info.client)))
      .on('subscribed', () => this.loadPeople(room, subscription));
    subscription.subscribe();
    return room;
  }

  leave(name) {
    const subscription = this.subscriptions.get(name);
    if (!subscription) return;
    this.subscriptions.delete(name);
    this.conversations.delete(`room:${name}`);
    subscription.unsubscribe();
    this.centrifuge.removeSubscription(subscription);
  }

  // What all subscriptions have in common. `take(publication, place)` gets every publication with
  // its place in the order of all: the offset, which begins anew with the epoch. `room` gives the
  // conversation to write notes into.
  listen(subscription, takeAt, room) {
    const order = { epoch: '', base: 0, last: 0 };
    const take = (publication) => {
      const place = order.base + (publication.offset ?? order.last - order.base);
      order.last = Math.max(order.last, place);
      takeAt(publication, place);
    };
    subscription
      .on('publication', take)
      .on('subscribed', (context) => {
        const epoch = context.streamPosition?.epoch ?? '';
        if (epoch !== order.epoch) Object.assign(order, { epoch, base: order.last });
        if (context.wasRecovering && !context.recovered && room()) {
          room().addNote('You were away for long: what is older may be missing.');
          this.handlers.changed(room());
        }
        if (!context.recovered) this.loadHistory(subscription, take);
      })
      .on('unsubscribed', (context) => {
        // Code 0 is our own.
        if (context.code !== 0) {
          this.handlers.problem(`${subscription.channel}: ${context.reason}`);
        }
      })
      .on('error', (context) => {
        this.handlers.problem(`${subscription.channel}: ${reasonOf(context.error)}`);
      });
  }

  async loadHistory(subscription, take) {
    try {
      const { publications } = await subscription.history({ limit: HISTORY_LIMIT, reverse: true });
      for (const publication of publications.reverse()) take(publication);
    } catch (error) {
      this.handlers.problem(`${subscription.channel}: no history: ${reasonOf(error)}`);
    }
  }

  async loadPeople(room, subscription) {
    try {
      const { clients } = await subscription.presence();
      this.changePeople(room, () => {
        room.people = new Map(
          Object.entries(clients).map(([client, info]) => [client, info.user]));
      });
    } catch (error) {
      this.handlers.problem(`${subscription.channel}: nobody is shown: ${reasonOf(error)}`);
    }
  }

  changePeople(room, change) {
    change();
    this.handlers.changed(room);
  }

  // A publication as a message. What is none of ours (anybody may publish anything) is shown as the
  // JSON that it is.
  messageOf({ data, info, offset }, place) {
    const isOurs = data !== null && typeof data === 'object' && typeof data.text === 'string';
    return {
      id: isOurs && typeof data.id === 'string' ? `${info?.user}/${data.id}`
        : `place/${offset === undefined ? newId() : place}`,
      from: info?.user || 'server',
      text: isOurs ? data.text.slice(0, MAX_TEXT_LENGTH) : JSON.stringify(data),
      at: isOurs && Number.isFinite(data.at) ? data.at : Date.now(),
      mine: info?.user === this.user,
      status: 'sent',
      published: true,
      place,
    };
  }

  take(conversation, publication, place) {
    const message = this.messageOf(publication, place);
    if (!conversation.add(message)) return;
    if (!message.mine) conversation.unread += 1;
    this.handlers.changed(conversation);
  }

  takePrivate(publication, place) {
    const { data, info } = publication;
    const isCopy = info?.user === this.user && typeof data?.to === 'string';
    const other = isCopy ? data.to : info?.user || 'server';
    this.take(this.conversation('person', other), publication, place);
  }

  // Sends `text`; the message is in the conversation at once, with a status. Sending it again is
  // send() with the message that failed.
  async send(conversation, text, again = null) {
    const id = again?.data.id ?? newId();
    const data = again?.data ?? { id, text, at: Date.now() };
    if (conversation.kind === 'person') data.to = conversation.name;
    const message = { id: `${this.user}/${id}`, from: this.user, text: data.text, at: data.at, data,
      mine: true, status: 'sending', place: conversation.lastPlace() };
    conversation.add(message);
    this.handlers.changed(conversation);
    try {
      if (conversation.kind === 'room') {
        await this.centrifuge.publish(ROOM + conversation.name, data);
      } else {
        await this.centrifuge.publish(INBOX + conversation.name, data);
        if (conversation.name !== this.user) {
          await this.centrifuge.publish(INBOX + this.user, data);
        }
      }
    } catch (error) {
      message.status = 'failed';
      message.fault = reasonOf(error);
    }
    if (message.status === 'sending') message.status = 'sent';
    this.handlers.changed(conversation);
  }
}
