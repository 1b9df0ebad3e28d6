import { Clock } from '../core/clock.ts';
import { controlSurface } from '../core/control.ts';
import { FaultPlan } from '../core/fault-plan.ts';
import { Journal } from '../core/journal.ts';
import { startServer } from '../core/server.ts';
import { WindowLimiter } from '../core/window-limiter.ts';
import { generateLaunch } from '../launch/generate.ts';
import type { LaunchManifest } from '../launch/manifest.ts';
import { LaunchStore } from '../launch/store.ts';
import { systemeioApi } from './api.ts';
import type { SystemeioData, SystemeioKind } from './contacts.ts';
import { type SystemeioSandboxOptions, systemeioOptionsSchema } from './options.ts';

/** A running stand-in for Systeme.io's API. */
export interface SystemeioSandbox {
  /** What `SYSTEMEIO_API_URL` is set to; the API is below `/api`. */
  readonly url: string;
  readonly apiKey: string;
  readonly journal: Journal;
  /** Of the data as generated; changes made afterwards are not in it. */
  readonly manifest: LaunchManifest;
  readonly faults: FaultPlan;
  readonly data: SystemeioData;
  readonly clock: Clock;
  close(): Promise<void>;
}

/** Generates a business's contacts and serves them. Throws when an option makes no sense or the port is taken. */
export async function startSystemeioSandbox(options: SystemeioSandboxOptions = {}): Promise<SystemeioSandbox> {
  const config = systemeioOptionsSchema.parse(options);
  const { contacts, tags, manifest } = generateLaunch(config);
  const clock = new Clock();
  const { latencyMs, ratePerMinute, apiKey, ignoreAscending } = config;
  const settings = { latencyMs };
  const data = new LaunchStore<SystemeioKind>({ contact: contacts, tag: tags }, (a, b) => Number(b.id) - Number(a.id));
  const journal = new Journal(config.journalFile);
  const faults = new FaultPlan(config.seed, config.faults);
  const limiter = ratePerMinute === 0 ? undefined : new WindowLimiter(ratePerMinute, 60_000, clock);
  const server = await startServer(config.port, config.host, {
    upstream: systemeioApi({ data, apiKey, ignoreAscending, limiter, ratePerMinute }),
    clock,
    journal,
    faults,
    latencyMs: () => settings.latencyMs,
    control: controlSurface({ journal, faults, clock, manifest, data, settings }),
  });
  const close = async () => {
    await server.close();
    await journal.close();
  };
  return { url: server.origin, apiKey, journal, manifest, faults, data, clock, close };
}
