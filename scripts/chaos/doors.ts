import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

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
