import { z } from 'zod';
import { Clock, WindowLimiter } from '../core/clock.ts';
import { controlSurface } from '../core/control.ts';
import { FaultPlan, faultRulesSchema } from '../core/faults.ts';
import { Journal } from '../core/journal.ts';
import { Random } from '../core/random.ts';
import { startServer } from '../core/server.ts';
import { API_PATH, type BubbleSettings, bubbleApi } from './api/api.ts';
import { generate, type Manifest } from './data/generate.ts';
import { BubbleData } from './store.ts';

/** A running stand-in for Bubble's Data API. */
export interface BubbleSandbox {
  /** Where the API is; ends in `/api/1.1`. */
  readonly url: string;
  /** An admin's token: sees everything. */
  readonly apiKey: string;
  /** A user's token: sees what `settings.hiddenShare` leaves. */
  readonly userKey: string;
  readonly journal: Journal;
  /** Of the data as generated; changes made afterwards are not in it. */
  readonly manifest: Manifest;
  readonly faults: FaultPlan;
  readonly data: BubbleData;
  readonly clock: Clock;
  readonly settings: BubbleSettings;
  close(): Promise<void>;
}

/** Generates an application's data and serves it. Throws when an option makes no sense or the port is taken. */
export async function startBubbleSandbox(options: BubbleSandboxOptions = {}): Promise<BubbleSandbox> {
  const config = bubbleOptionsSchema.parse(options);
  const { rows, manifest } = generate(config);
  const clock = new Clock();
  const random = new Random(config.seed).fork('life');
  const { wall, hiddenShare, latencyMs, apiKey, userKey } = config;
  const settings: BubbleSettings = { wall, hiddenShare, latencyMs };
  const data = new BubbleData(rows, clock, random);
  const journal = new Journal(config.journalFile);
  const faults = new FaultPlan(config.seed, config.faults);
  const server = await startServer(config.port, config.host, {
    upstream: bubbleApi({ data, random, settings, apiKey, userKey }),
    clock,
    journal,
    faults,
    latencyMs: () => settings.latencyMs,
    control: controlSurface({ journal, faults, clock, manifest, data, settings }),
    ...limiter(config, clock),
  });
  const close = async () => {
    await server.close();
    await journal.close();
  };
  return { url: server.origin + API_PATH, apiKey, userKey, journal, manifest, faults, data, clock, settings, close };
}

function limiter({ ratePerMinute }: BubbleConfig, clock: Clock) {
  return ratePerMinute === 0 ? {} : { limiter: new WindowLimiter(ratePerMinute, 60_000, clock) };
}

const bubbleOptionsSchema = z.strictObject({
  /** 0 takes a free port. */
  port: z.int().min(0).max(65535).default(0),
  host: z.string().default('127.0.0.1'),
  seed: z.int().min(0).default(7),
  users: z.int().min(0).max(1_000_000).default(5000),
  /** 1: dirty as real data is; 0: clean. */
  dirt: z.number().min(0).max(5).default(1),
  wall: z.int().min(1).default(50_000),
  latencyMs: z.int().min(0).default(0),
  /** Requests in any sixty seconds; 0 for no limit. */
  ratePerMinute: z.int().min(0).default(15_000),
  hiddenShare: z.number().min(0).max(1).default(0),
  faults: faultRulesSchema.default([]),
  apiKey: z.string().min(1).default('sandbox-admin-key'),
  userKey: z.string().min(1).default('sandbox-user-key'),
  /** Where the journal is kept as JSON lines as well. */
  journalFile: z.string().optional(),
});

export type BubbleSandboxOptions = z.input<typeof bubbleOptionsSchema>;
type BubbleConfig = z.output<typeof bubbleOptionsSchema>;
