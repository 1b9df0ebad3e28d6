import { DroverError } from '../errors.ts';

/**
 * A call to Redis with an end. ioredis keeps a command for as long as it takes to reconnect, so without this every
 * request of the fleet would hang with Redis instead of failing.
 * @throws DroverError REDIS_UNAVAILABLE (transient) when the call fails or is not answered in time.
 */
export async function withRedisDeadline<T>(call: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(redisUnavailable(`did not answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([call, late]);
  } catch (error) {
    throw error instanceof DroverError ? error : redisUnavailable('cannot be asked', error);
  } finally {
    clearTimeout(timer);
  }
}

// The cause is kept by its message only: ioredis errors carry the command with its arguments.
function redisUnavailable(what: string, error?: unknown): DroverError {
  return new DroverError('REDIS_UNAVAILABLE', `limits of upstreams: Redis ${what}, and no request goes out without`, {
    retryAfterMs: 1_000,
    cause: error instanceof Error ? error.message : undefined,
  });
}
