// Line: a way to a server that can be cut, as a network that goes away under its clients.

import net from 'node:net';

export class Line {
  // Clients connect to its `url` as to the server's. It ends with the case.
  static async start(t, server) {
    const line = new Line(server.port);
    await new Promise((resolve, reject) => {
      line.listener.once('error', reject);
      line.listener.listen(0, '127.0.0.1', resolve);
    });
    line.url = `http://127.0.0.1:${line.listener.address().port}`;
    t.after(() => {
      line.cut();
      line.listener.close();
    });
    return line;
  }

  constructor(port) {
    this.isCut = false;
    this.sockets = new Set();
    this.listener = net.createServer((near) => {
      if (this.isCut) return near.destroy();
      const far = net.connect(port, '127.0.0.1');
      for (const [socket, other] of [[near, far], [far, near]]) {
        this.sockets.add(socket);
        socket.on('error', () => other.destroy());
        socket.on('close', () => {
          this.sockets.delete(socket);
          other.destroy();
        });
        socket.pipe(other);
      }
      return undefined;
    });
  }

  // Breaks all connections, and refuses new ones until mend().
  cut() {
    this.isCut = true;
    for (const socket of this.sockets) socket.destroy();
  }

  mend() {
    this.isCut = false;
  }
}
