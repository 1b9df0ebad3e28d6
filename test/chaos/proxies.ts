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

/** A door before a server, in which a network can go wrong. */
export interface TcpProxy {
  readonly port: number;
  /** Ends every connection whose next answer arrives: the work was done, and nobody hears of it. */
  dropReplies(): void;
  /** Keeps every connection open and passes nothing on, as when a firewall forgets them. */
  blackhole(): void;
  /** Passes everything on again; what stood in the hole is reset, as a peer does that never knew it. */
  restore(): void;
  close(): Promise<void>;
}

type Mode = 'open' | 'losing' | 'hole';

export async function startTcpProxy(target: number): Promise<TcpProxy> {
  let mode: Mode = 'open';
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
    client.on('data', (chunk: Buffer) => {
      if (mode !== 'hole') upstream.write(chunk);
    });
    upstream.on('data', (chunk: Buffer) => {
      if (mode === 'losing') end();
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
