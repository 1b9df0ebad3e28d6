/** Work for many items at once; an answer may come later than the others without holding them up. */
export type BatchWork<T, R> = (items: readonly T[]) => Promise<readonly (R | Promise<R>)[]>;

export interface Coalescer<T, R> {
  /** Answers in the order of the items. Rejects when the work of the items' batch does. */
  submit(items: readonly T[]): Promise<R[]>;
}

export interface CoalescerOptions {
  /** Items in one call at the most. */
  readonly maxItems: number;
  /** Calls under way at once; more than one lets the database work while this process prepares the next. */
  readonly parallel: number;
}

interface Waiting<T, R> {
  readonly item: T;
  readonly resolve: (answer: R | Promise<R>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Turns many small submissions into few large calls: what arrives while a call is under way waits and goes together.
 * Nothing waits for a timer, so a lone record is not slowed, and a busy worker writes in sets.
 */
export function createCoalescer<T, R>(work: BatchWork<T, R>, options: CoalescerOptions): Coalescer<T, R> {
  const queue: Waiting<T, R>[] = [];
  let running = 0;
  let scheduled = false;

  async function run(batch: readonly Waiting<T, R>[]): Promise<void> {
    try {
      const answers = await work(batch.map((waiting) => waiting.item));
      for (const [index, waiting] of batch.entries()) waiting.resolve(answers[index] as R | Promise<R>);
    } catch (error) {
      for (const waiting of batch) waiting.reject(error);
    } finally {
      running -= 1;
      schedule();
    }
  }

  function flush(): void {
    scheduled = false;
    while (running < options.parallel && queue.length > 0) {
      running += 1;
      void run(queue.splice(0, options.maxItems));
    }
  }

  function schedule(): void {
    if (scheduled || queue.length === 0 || running >= options.parallel) return;
    scheduled = true;
    // After this turn of the loop, so that jobs that start together are together.
    setImmediate(flush);
  }

  return {
    submit: (items) => {
      const answers = items.map((item) => new Promise<R>((resolve, reject) => queue.push({ item, resolve, reject })));
      schedule();
      return Promise.all(answers);
    },
  };
}
