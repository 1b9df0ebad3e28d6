import { Clock } from '../core/clock.ts';
import { controlSurface } from '../core/control.ts';
import { FaultPlan } from '../core/fault-plan.ts';
import { Journal } from '../core/journal.ts';
import { Random } from '../core/random.ts';
import { startServer } from '../core/server.ts';
import { WindowLimiter } from '../core/window-limiter.ts';
import { API_PATH, bubbleApi } from './api/api.ts';
import { generate } from './data/generate.ts';
import type { Manifest } from './data/manifest.ts';
import { type BubbleConfig, type BubbleSandboxOptions, bubbleOptionsSchema } from './options.ts';
import type { BubbleSettings } from './settings.ts';
import { BubbleData } from './store/bubble-data.ts';

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
