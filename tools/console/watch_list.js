// WatchList: the keys of one exchange that the page looks at, in one subscription of the SDK.
//
// `watch:EXCHANGE` follows the keys that it is told (docs/keyed.md). Tickers that are published
// over HTTP have no such list; there each key is a subscription to its channel instead.

const WATCH = 'watch:';
const TICKER = 'ticker:';

// What all of them may see, nobody signs.
const unsigned = async ({ keys }) => ({ keys, signature: '' });

function codeText({ code, reason, message }) {
  return `${reason ?? message} (${code})`;
}

// One subscription, and the keys that it tracks.
export class WatchList {
  // `handlers`: value(key, data), granted(data) and refused(text). `data` are the options of a
  // subscribe.
  constructor(client, exchange, data, handlers) {
    this.channel = WATCH + exchange;
    this.client = client;
    this.subscription = client.newSharedPollSubscription(
      this.channel, { data, getSignature: unsigned });
    this.subscription
      .on('update', ({ key, data: value, removed }) => {
        if (!removed) handlers.value(key, value);
      })
      .on('subscribed', (context) => handlers.granted(context.data))
      .on('subscribing', () => this.trackAnew())
      .on('unsubscribed', (context) => {
        // Code 0 is our own.
        if (context.code !== 0) handlers.refused(codeText(context));
      })
      .on('error', ({ type, error }) => {
        // What may pass by itself the SDK tries again.
        const isFinal = error.code >= 100 && !error.temporary;
        if (type === 'track' && isFinal) handlers.refused(codeText(error));
      });
    this.subscription.subscribe();
  }

  track(keys) {
    this.subscription.track(keys);
  }

  untrack(keys) {
    this.subscription.untrack(keys);
  }

  // A lost connection is resumed with what is on the screen and nothing else: the SDK would name
  // the keys of every signature that it still holds, and ask for no value that it has.
  trackAnew() {
    const keys = [...this.subscription.trackedKeys()];
    this.subscription.untrack(keys);
    this.subscription.track(keys);
  }

  // Resolves to what is granted.
  async setOptions(data) {
    this.subscription.setData(data);
    if (this.subscription.state !== 'subscribed') return undefined;
    const answer = await this.client.rpc('tickcast.options', { channel: this.channel, ...data });
    return answer.data;
  }

  close() {
    this.subscription.unsubscribe();
    this.client.removeSubscription(this.subscription);
  }
}

// The same over plain channels.
export class ChannelList {
  constructor(client, exchange, data, handlers) {
    this.prefix = TICKER + (exchange === '' ? '' : `${exchange}.`);
    this.client = client;
    this.data = data;
    this.handlers = handlers;
    this.subscriptions = new Map();
  }

  track(keys) {
    for (const key of keys) this.subscribe(key);
  }

  subscribe(key) {
    const subscription = this.client.newSubscription(this.prefix + key, { data: this.data });
    this.subscriptions.set(key, subscription);
    subscription
      .on('publication', ({ data }) => this.handlers.value(key, data))
      .on('subscribed', (context) => this.handlers.granted(context.data))
      .on('unsubscribed', (context) => {
        if (context.code !== 0) this.handlers.refused(codeText(context));
      });
    subscription.subscribe();
  }

  untrack(keys) {
    for (const key of keys) {
      const subscription = this.subscriptions.get(key);
      this.subscriptions.delete(key);
      subscription.unsubscribe();
      this.client.removeSubscription(subscription);
    }
  }

  async setOptions(data) {
    this.data = data;
    const answers = [...this.subscriptions].map(([key, subscription]) => {
      subscription.setData(data);
      if (subscription.state !== 'subscribed') return undefined;
      return this.client.rpc('tickcast.options', { channel: this.prefix + key, ...data });
    });
    return (await Promise.all(answers)).find((answer) => answer !== undefined)?.data;
  }

  close() {
    this.untrack([...this.subscriptions.keys()]);
  }
}
