import type { UpstreamRequests } from './source.ts';

/** The part of a Redis client that is needed. */
interface RedisHashReader {
  hgetall(key: string): Promise<Record<string, string>>;
}

/** What the workers counted, from the hash `<prefix>:upstream-requests`: fields are upstream, endpoint and status. */
export async function readUpstreamRequests(redis: RedisHashReader, prefix: string): Promise<UpstreamRequests[]> {
  const fields = await redis.hgetall(`${prefix}:upstream-requests`);
  return Object.entries(fields).map(([field, count]) => {
    const [upstream = '', endpoint = '', status = ''] = field.split('\t');
    return { upstream, endpoint, status, count: Number(count) };
  });
}
