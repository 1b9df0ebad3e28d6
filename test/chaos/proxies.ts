import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Proxies before PostgreSQL and Redis; workers know only these. */
export interface Proxies {
  readonly postgres: TcpProxy;
  readonly redis: TcpProxy;
  readonly databaseUrl: string;
  readonly redisUrl: string;
  close(): Promise<void>;
}

export async function startProxies(databaseUrl: string, redisUrl: string): Promise<Proxies> {
  const postgres = await startTcpProxy(portOf(databaseUrl));
  const redis = await startTcpProxy(portOf(redisUrl));
  return {
    postgres,
    redis,
    databaseUrl: withProxyAddress(databaseUrl, postgres),
    redisUrl: withProxyAddress(redisUrl, redis),
    async close() {
      await Promise.all([postgres.close(), redis.close()]);
    },
  };
}

const portOf = (url: string): number => Number(new URL(url).port);

function withProxyAddress(url: string, proxy: TcpProxy): string {
  const door = new URL(url);
  door.hostname = '127.0.0.1';
  door.port = String(proxy.port);
  return door.href;
}

/** A proxy before a server, with network faults. */
export interface TcpProxy {
  readonly port: number;
  /** Ends every connection whose next answer arrives: the work was done, and its answer is lost. */
  dropReplies(): void;
  /** Ends the next connection that sends COMMIT: `reply`, after the commit; `request`, before PostgreSQL receives it. */
  cutAtCommit(what: 'reply' | 'request'): void;
  /** Keeps every connection open and passes nothing on, as when a firewall forgets them. */
  blackhole(): void;
  /** Passes everything on again; what stood in the hole is reset, as a peer does that never knew it. */
  restore(): void;
  close(): Promise<void>;
}

type Mode = 'open' | 'losing' | 'hole';

// A simple query of PostgreSQL's protocol: Q, four bytes of length, the text, a zero byte.
const commitQuery = /Q[\s\S]{4}commit;?\0/i;

export async function startTcpProxy(target: number): Promise<TcpProxy> {
  let mode: Mode = 'open';
  let cutAtCommit: 'reply' | 'request' | undefined;
  const pairs = new Set<readonly [Socket, Socket]>();
  const server = createServer((client) => {
    const upstream = connect({ port: target, host: '127.0.0.1' });
    const pair = [client, upstream] as const;
    pairs.add(pair);
    const end = (): void => {
      pairs.delete(pair);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of pair) socket.on('error', end).on('close', end).setNoDelay(true);
    let committing = false;
    client.on('data', (chunk: Buffer) => {
      if (cutAtCommit !== undefined && commitQuery.test(chunk.toString('latin1'))) {
        if (cutAtCommit === 'request') end();
        else committing = true;
        cutAtCommit = undefined;
      }
      if (mode !== 'hole') upstream.write(chunk);
    });
    upstream.on('data', (chunk: Buffer) => {
      if (mode === 'losing' || committing) end();
      else if (mode === 'open') client.write(chunk);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const reset = (): void => {
    for (const [client, upstream] of pairs) {
      client.resetAndDestroy();
      upstream.destroy();
    }
  };
  return {
    port: (server.address() as AddressInfo).port,
    dropReplies: () => {
      mode = 'losing';
    },
    cutAtCommit: (what) => {
      cutAtCommit = what;
    },
    blackhole: () => {
      mode = 'hole';
    },
    restore: () => {
      if (mode === 'hole') reset();
      mode = 'open';
    },
    async close() {
      reset();
      server.close();
      await once(server, 'close');
    },
  };
}
