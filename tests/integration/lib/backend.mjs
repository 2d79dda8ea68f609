// An application's backend as the proxies of the server see it: answers what the case gives it.

import http from 'node:http';

export class Backend {
  // Starts one. `handlers[path]` gets a request's body and headers, and returns the answer's body;
  // what it throws is status 500.
  static async start(context, handlers) {
    const backend = new Backend(handlers);
    await new Promise((resolve) => backend.server.listen(0, '127.0.0.1', resolve));
    context.after(() => backend.stop());
    return backend;
  }

  constructor(handlers) {
    this.requests = [];
    this.server = http.createServer((request, response) => {
      const chunks = [];
      request.on('data', (chunk) => chunks.push(chunk));
      request.on('end', async () => {
        const body = JSON.parse(Buffer.concat(chunks).toString());
        this.requests.push({ path: request.url, body, headers: request.headers });
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
    return `http://127.0.0.1:${this.server.address().port}${path}`;
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
