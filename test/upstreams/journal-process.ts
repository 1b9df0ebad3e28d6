import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An upstream in a process of its own that only writes down when requests arrive. GET /journal gives the times in ms. */

const arrivals: number[] = [];
const server = createServer((request, response) => {
  response.setHeader('content-type', 'application/json');
  if (request.url === '/journal') return response.end(JSON.stringify(arrivals));
  arrivals.push(performance.now());
  response.end('{}');
});
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.on('disconnect', () => process.exit(0));
