import { z } from 'zod';
import type { Clock, WindowLimiter } from './clock.ts';
import { type ControlDeps, controlSurface, type MutableData } from './control.ts';
import { FaultPlan, faultRulesSchema } from './faults.ts';
import { Journal } from './journal.ts';
import { startServer } from './server.ts';
import type { Upstream } from './upstream.ts';

/** The options that every sandbox has; spread into the sandbox's own `z.strictObject`. */
export const sandboxOptions = {
  /** 0 takes a free port. */
  port: z.int().min(0).max(65535).default(0),
  host: z.string().default('127.0.0.1'),
  /** Fixes the generated data, the generated ids and the faults that have a rate. */
  seed: z.int().min(0).default(7),
  /** The minimum time until an answer is sent. */
  latencyMs: z.int().min(0).default(0),
  faults: faultRulesSchema.default([]),
  /** A file to which the journal is also appended, as JSON lines. */
  journalFile: z.string().optional(),
};

type SandboxConfig = z.output<z.ZodObject<typeof sandboxOptions>>;

/** What distinguishes one sandbox from another. */
interface SandboxParts<D extends MutableData, S extends { latencyMs: number }> {
  readonly upstream: Upstream;
  /** The clock that data, limits and upstream were made with. */
  readonly clock: Clock;
  readonly data: D;
  /** Changed in place by `PATCH /__sandbox/settings`; the server reads `latencyMs` at every request. */
  readonly settings: S & Record<string, number>;
  /** The answer to `GET /__sandbox/manifest`; `{}` when absent. */
  readonly manifest?: unknown;
  readonly limiter?: WindowLimiter | undefined;
  readonly actions?: ControlDeps['actions'];
  /** Runs before the server closes. */
  readonly beforeClose?: () => Promise<void>;
}

/** The part of a sandbox's handle that is the same for all of them. */
export interface RunningSandbox<D extends MutableData, S extends { latencyMs: number }> {
  /** `http://127.0.0.1:4010`, without a path. */
  readonly origin: string;
  readonly journal: Journal;
  readonly faults: FaultPlan;
  readonly clock: Clock;
  readonly data: D;
  readonly settings: S;
  close(): Promise<void>;
}

/** Starts journal, fault plan, control surface and server around an upstream. Rejects when the port is taken. */
export async function startSandbox<D extends MutableData, S extends { latencyMs: number }>(
  config: SandboxConfig,
  { upstream, clock, data, settings, manifest = {}, limiter, actions, beforeClose }: SandboxParts<D, S>,
): Promise<RunningSandbox<D, S>> {
  const journal = new Journal(config.journalFile);
  const faults = new FaultPlan(config.seed, config.faults);
  const control = { journal, faults, clock, manifest, data, settings };
  const server = await startServer(config.port, config.host, {
    upstream,
    clock,
    journal,
    faults,
    latencyMs: () => settings.latencyMs,
    control: controlSurface(actions === undefined ? control : { ...control, actions }),
    ...(limiter === undefined ? {} : { limiter }),
  });
  const close = async () => {
    await beforeClose?.();
    await server.close();
    await journal.close();
  };
  return { origin: server.origin, journal, faults, clock, data, settings, close };
}
