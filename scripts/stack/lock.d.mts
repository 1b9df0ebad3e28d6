/** Runs the work while holding the file; whoever comes second waits, and a holder that died is not waited for. */
export function withLock<T>(path: string, work: () => Promise<T> | T): Promise<T>;
