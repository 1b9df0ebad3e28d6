/** Runs a piece of work once for all who ask for it while it runs. */
export function createSingleFlight<T>(): (key: string, work: () => Promise<T>) => Promise<T> {
  const making = new Map<string, Promise<T>>();
  return (key, work) => {
    const busy = making.get(key);
    if (busy) return busy;
    const made = work().finally(() => making.delete(key));
    making.set(key, made);
    return made;
  };
}
