// An application's backend as the proxies of the server see it: answers what the case gives it.

import http from 'node:http';
import https from 'node:https';

export class Backend {
  // Starts one. `handlers[path]` gets a request's body and headers, and returns the answer's body;
  // what it throws is status 500. With `tls`, the options of a server of node:https, it speaks that.
  static async start(context, handlers, tls) {
    const backend = new Backend(handlers, tls);
    await new Promise((resolve) => backend.server.listen(0, '127.0.0.1', resolve));
    context.after(() => backend.stop());
    return backend;
  }

  constructor(handlers, tls) {
    this.requests = [];
    this.scheme = tls ? 'https' : 'http';
    const create = tls ? (handle) => https.createServer(tls, handle) : http.createServer;
    this.server = create((request, response) => {
      const chunks = [];
      request.on('data', (chunk) => chunks.push(chunk));
      request.on('end', async () => {
        const body = JSON.parse(Buffer.concat(chunks).toString());
        const { servername, getPeerCertificate } = request.socket;
        this.requests.push({ path: request.url, body, headers: request.headers, servername,
          certificate: getPeerCertificate?.call(request.socket) });
        try {
          const answer = await handlers[request.url](body, request.headers);
          response.setHeader('Content-Type', 'application/json');
          response.end(JSON.stringify(answer));
        } catch {
          response.statusCode = 500;
          response.end();
        }
      });
    });
  }

  url(path) {
    return `${this.scheme}://127.0.0.1:${this.server.address().port}${path}`;
  }

  // The bodies that came to `path`.
  bodies(path) {
    return this.requests.filter((each) => each.path === path).map(({ body }) => body);
  }

  stop() {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }
}
