/** How many records of this process are on their way to APIs at once. */
export interface ApiLanes {
  /** Takes a place, or answers how many milliseconds to wait before asking again. */
  reserve(): number | undefined;
  /** Gives a place back that was not used. */
  free(): void;
  /** Waits for a turn on a place taken before, works, and gives the place back. */
  take<T>(work: () => Promise<T>): Promise<T>;
}

// So many wait here for a turn: as many as a worker has jobs by default, because every return to the ledger costs it
// three statements.
// Who finds no place waits in the ledger.
const waitingPerLane = 20;
const pauseMs = 3_000;

/** `lanes` records at once. A record waits for its API's limit in its lane, so more of them send no faster. */
export function createApiLanes(lanes: number): ApiLanes {
  const waiting: (() => void)[] = [];
  const places = lanes * (1 + waitingPerLane);
  let taken = 0;
  let working = 0;

  const free = (): void => {
    taken -= 1;
  };
  const turn = (): Promise<void> => {
    working += 1;
    if (working <= lanes) return Promise.resolve();
    return new Promise((resolve) => waiting.push(resolve));
  };

  return {
    reserve() {
      // Spread out, so that those turned away do not all come back at once.
      if (taken >= places) return Math.round(pauseMs * (1 + 2 * Math.random()));
      taken += 1;
      return undefined;
    },
    free,
    async take(work) {
      await turn();
      try {
        return await work();
      } finally {
        working -= 1;
        free();
        waiting.shift()?.();
      }
    },
  };
}
