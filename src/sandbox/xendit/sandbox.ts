import { Clock } from '../core/clock.ts';
import { controlSurface } from '../core/control.ts';
import { FaultPlan } from '../core/fault-plan.ts';
import { Journal } from '../core/journal.ts';
import { startServer } from '../core/server.ts';
import { generateLaunch } from '../launch/generate.ts';
import type { LaunchManifest } from '../launch/manifest.ts';
import { LaunchStore } from '../launch/store.ts';
import { type XenditKind, xenditApi } from './api.ts';
import { EndpointLimits } from './limits.ts';
import { type XenditSandboxOptions, xenditOptionsSchema } from './options.ts';

/** A running stand-in for Xendit's API. */
export interface XenditSandbox {
  /** What `XENDIT_API_URL` is set to. */
  readonly url: string;
  readonly secretKey: string;
  readonly journal: Journal;
  /** Of the data as generated; changes made afterwards are not in it. */
  readonly manifest: LaunchManifest;
  readonly faults: FaultPlan;
  readonly data: LaunchStore<XenditKind>;
  readonly clock: Clock;
  readonly settings: { ratePerMinute: number; latencyMs: number };
  close(): Promise<void>;
}

/** Generates a business's payments and serves them. Throws when an option makes no sense or the port is taken. */
export async function startXenditSandbox(options: XenditSandboxOptions = {}): Promise<XenditSandbox> {
  const config = xenditOptionsSchema.parse(options);
  const { transactions, invoices, manifest } = generateLaunch(config);
  const clock = new Clock();
  const { latencyMs, ratePerMinute, secretKey } = config;
  const settings = { latencyMs, ratePerMinute };
  // Oldest first: what is created while somebody reads comes at the end.
  const order = (a: { id: unknown; created?: unknown }, b: { id: unknown; created?: unknown }) =>
    [String(a.created), String(a.id)].join() < [String(b.created), String(b.id)].join() ? -1 : 1;
  const data = new LaunchStore<XenditKind>({ transaction: transactions, invoice: invoices }, order);
  const journal = new Journal(config.journalFile);
  const faults = new FaultPlan(config.seed, config.faults);
  const limits = new EndpointLimits(() => settings.ratePerMinute, clock);
  const server = await startServer(config.port, config.host, {
    upstream: xenditApi({ data, limits, secretKey, now: () => clock.iso() }),
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
  return { url: server.origin, secretKey, journal, manifest, faults, data, clock, settings, close };
}
