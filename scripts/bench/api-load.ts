import { randomBytes } from 'node:crypto';
import { createClient } from '../../src/cli/client.ts';
import type { RunView } from '../../src/contract/runs.ts';
import { createChildren } from '../child-processes.ts';
import { freePort } from '../stack/port.ts';

export interface Percentiles {
  readonly p95Ms: number;
  readonly p99Ms: number;
}

/** The API beside a migration: clients that read a run over and over, and how long each read takes. */
export interface ApiLoad {
  /** Reads the run with that many clients until it is stopped; answers the percentiles in milliseconds. */
  read(runId: string, clients: number, until: () => boolean): Promise<Percentiles>;
  stop(): Promise<void>;
}

/** Starts an API process of its own on the same stores. */
export async function startApiLoad(env: Readonly<Record<string, string>>): Promise<ApiLoad> {
  const port = await freePort();
  const key = randomBytes(24).toString('base64url');
  const children = createChildren();
  const rate = '1000000'; // the clients share one key, and it is not the rate limit that is measured
  children.start('api', 'scripts/bench/api.ts', {
    ...env,
    PORT: String(port),
    DROVER_ADMIN_KEY: key,
    DROVER_RATE_LIMIT: rate,
  });
  const api = createClient({ url: `http://127.0.0.1:${port}`, token: key });
  for (let ready = false; !ready; ) {
    ready = await api.request('GET', '//readyz').then(
      () => true,
      () => new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 100)),
    );
  }
  return {
    async read(runId, clients, until) {
      const took: number[] = [];
      const one = async (): Promise<void> => {
        while (!until()) {
          const started = performance.now();
          await api.get<RunView>(`/runs/${runId}`);
          took.push(performance.now() - started);
        }
      };
      await Promise.all(Array.from({ length: clients }, one));
      took.sort((a, b) => a - b);
      const at = (share: number): number => Math.round((took[Math.floor(took.length * share)] ?? 0) * 10) / 10;
      return { p95Ms: at(0.95), p99Ms: at(0.99) };
    },
    stop: () => children.stop(),
  };
}
