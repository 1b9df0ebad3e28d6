import http from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HeldRequest {
  readonly method: string;
  readonly path: string;
}

/** A proxy of an upstream that forwards every request but one, which it holds without end. */
export interface HoldingProxy {
  readonly url: string;
  /** Resolves when the request is held: `before` it was forwarded, or `after` it was answered, with the answer held. */
  readonly held: Promise<HeldRequest>;
  close(): Promise<void>;
}

/** Holds the first request that matches. */
export async function startHoldingProxy(
  upstream: string,
  matches: (request: HeldRequest) => boolean,
  when: 'before' | 'after',
): Promise<HoldingProxy> {
  let reportHeld: (held: HeldRequest) => void = () => undefined;
  const held = new Promise<HeldRequest>((resolve) => {
    reportHeld = resolve;
  });
  let caught = false;
  const server = http.createServer(async (message, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(chunk as Buffer);
    const request = { method: message.method ?? '', path: message.url ?? '' };
    const hold = !caught && matches(request);
    caught ||= hold;
    if (hold && when === 'before') return reportHeld(request);
    const { host: _host, ...headers } = message.headers;
    const call = http.request(new URL(request.path, upstream), { method: request.method, headers }, (answer) => {
      const body: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => body.push(chunk));
      answer.on('end', () => {
        if (hold) return reportHeld(request);
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        response.end(Buffer.concat(body));
      });
    });
    call.on('error', () => response.destroy());
    call.end(Buffer.concat(chunks));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    held,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
