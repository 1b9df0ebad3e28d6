import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * An upstream in a process of its own that only records when requests arrive. GET /journal returns the times in
 * milliseconds, and the largest timer delay of the machine, by which an arrival may be late.
 */

const arrivals: number[] = [];
const tickMs = 5;
let lateMs = 0;
let ticked = performance.now();
setInterval(() => {
  const now = performance.now();
  lateMs = Math.max(lateMs, now - ticked - tickMs);
  ticked = now;
}, tickMs);
const server = createServer((request, response) => {
  response.setHeader('content-type', 'application/json');
  if (request.url === '/journal') return response.end(JSON.stringify({ arrivals, lateMs }));
  arrivals.push(performance.now());
  response.end('{}');
});
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.on('disconnect', () => process.exit(0));
