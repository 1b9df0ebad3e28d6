interface PendingKey<T> {
  readonly key: string;
  readonly resolve: (value: T | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Asks for single things in sets: what is asked for while a request is under way waits, and goes together in the next.
 * Nothing waits for a timer, so one that comes alone is not slowed, and a busy worker needs fewer requests of its limit.
 * @param load gives what there is of at most `most` distinct keys, by key
 */
export function createBatchLoader<T>(
  load: (keys: readonly string[]) => Promise<ReadonlyMap<string, T>>,
  most: number,
): (key: string) => Promise<T | undefined> {
  const queue: PendingKey<T>[] = [];
  let busy = false;

  async function next(): Promise<void> {
    busy = true;
    // After this turn of the loop, so that those who start together are together.
    await Promise.resolve();
    const batch = queue.splice(0, most);
    try {
      const found = await load([...new Set(batch.map(({ key }) => key))]);
      for (const { key, resolve } of batch) resolve(found.get(key));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
    busy = false;
    if (queue.length > 0) void next();
  }

  return (key) =>
    new Promise((resolve, reject) => {
      queue.push({ key, resolve, reject });
      if (!busy) void next();
    });
}
