import { createWriteStream, type WriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';

/** One request as the sandbox received it. Credentials and bodies are never kept. */
export interface JournalEntry {
  readonly seq: number;
  /** Milliseconds since the epoch, by the sandbox's clock. */
  readonly at: number;
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** 0 when the connection was dropped without an answer. */
  readonly status: number;
  /** The injected faults, joined by `+`. */
  readonly fault?: string;
  /** Ids of the records that a fault, or a write to the Supabase sandbox, changed. */
  readonly touched?: readonly string[];
  /** The upstream's notes: ids it made, the idempotency key of the request. */
  readonly notes?: Readonly<Record<string, string>>;
}

/** An append-only list of all requests in memory, also appended as JSON lines to a file if one is given. */
export class Journal {
  readonly #entries: JournalEntry[] = [];
  readonly #file: WriteStream | undefined;

  constructor(file?: string) {
    this.#file = file === undefined ? undefined : createWriteStream(file, { flags: 'a' });
  }

  append(entry: Omit<JournalEntry, 'seq'>): void {
    const numbered = { seq: this.#entries.length + 1, ...entry };
    this.#entries.push(numbered);
    this.#file?.write(`${JSON.stringify(numbered)}\n`);
  }

  /** Entries after the given sequence number, oldest first. */
  entries(after = 0): readonly JournalEntry[] {
    return this.#entries.slice(after);
  }

  get size(): number {
    return this.#entries.length;
  }

  /** The maximum number of requests in any window of this length, for tests of a client's rate limit. */
  peak(windowMs: number, matches: (entry: JournalEntry) => boolean = () => true): number {
    const times = this.#entries.filter(matches).map((entry) => entry.at);
    let first = 0;
    let peak = 0;
    for (let last = 0; last < times.length; last++) {
      while ((times[last] ?? 0) - (times[first] ?? 0) >= windowMs) first++;
      peak = Math.max(peak, last - first + 1);
    }
    return peak;
  }

  async close(): Promise<void> {
    if (this.#file === undefined) return;
    this.#file.end();
    await finished(this.#file);
  }
}
