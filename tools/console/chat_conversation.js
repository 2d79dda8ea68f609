// Conversation: what was said in a room or with one person, in the order of the server.
//
// A publication may come more than once: live, in a recovery, and in the history that is read after
// a recovery was not possible. Its offset tells, so that everything is shown exactly once.

export class Conversation {
  // `kind` is 'room' or 'person', `name` the room's or the person's.
  constructor(kind, name) {
    this.kind = kind;
    this.name = name;
    this.key = `${kind}:${name}`;
    this.messages = [];  // {id, from, text, at, mine, status, place, published}, in order.
    this.people = new Map();  // Of a room: client -> user, connections that are there.
    this.unread = 0;
  }

  // Adds a message, in the place of the one of the same id that waited for its publication, if
  // there is one: only the publication says where it belongs. False where it is there already.
  add(message) {
    const known = this.messages.find((other) => other.id === message.id);
    if (known?.published) return false;
    if (known) this.messages.splice(this.messages.indexOf(known), 1);
    // Nearly always at the end; history read after the first live message goes before it.
    let at = this.messages.length;
    while (at > 0 && this.messages[at - 1].place > message.place) at -= 1;
    this.messages.splice(at, 0, message);
    return true;
  }

  // The place of what has none: behind all that is there.
  lastPlace() {
    return this.messages.at(-1)?.place ?? 0;
  }

  // A line that is nobody's message.
  addNote(text) {
    this.messages.push(
      { id: null, note: true, text, at: Date.now(), status: 'sent', place: this.lastPlace() });
  }

  // Users of the room with the number of their connections, by name.
  users() {
    const counts = new Map();
    for (const user of this.people.values()) counts.set(user, (counts.get(user) ?? 0) + 1);
    return [...counts].sort(([one], [other]) => one.localeCompare(other));
  }
}
