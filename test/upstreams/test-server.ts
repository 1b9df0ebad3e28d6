import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface TestServer {
  baseUrl: string;
  /** Method and URL of every request, in the order of arrival. */
  requests: { line: string; headers: IncomingMessage['headers']; body: string }[];
  server: Server;
  stop(): Promise<void>;
}

export type Handler = (request: IncomingMessage, response: ServerResponse, nth: number) => void;

/** A server on a free port that answers with the test's handler. `nth` counts requests from 1. */
export async function startServer(handler: Handler): Promise<TestServer> {
  const seen: TestServer['requests'] = [];
  const server = createServer((request, response) => {
    const entry = { line: `${request.method} ${request.url}`, headers: request.headers, body: '' };
    seen.push(entry);
    request.setEncoding('utf8').on('data', (chunk) => {
      entry.body += chunk;
    });
    handler(request, response, seen.length);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api`;
  return { baseUrl, requests: seen, server, stop: () => stop(server) };
}

/** Answers with JSON. */
export function reply(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

async function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
