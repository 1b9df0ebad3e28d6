import { z } from 'zod';
import { Clock, perMinuteLimiter } from '../core/clock.ts';
import { Random } from '../core/random.ts';
import { type RunningSandbox, sandboxOptions, startSandbox } from '../core/sandbox.ts';
import { API_PATH, type BubbleSettings, bubbleApi } from './api/api.ts';
import { generate, type Manifest } from './data/generate.ts';
import { BubbleData } from './store.ts';

/** A running server that behaves like Bubble's Data API. */
export interface BubbleSandbox extends Omit<RunningSandbox<BubbleData, BubbleSettings>, 'origin'> {
  /** The base URL of the API; ends in `/api/1.1`. */
  readonly url: string;
  /** An admin's token: may read everything. */
  readonly apiKey: string;
  /** A user's token: may read what `settings.hiddenShare` leaves. */
  readonly userKey: string;
  /** Describes the data as generated, without later changes. */
  readonly manifest: Manifest;
}

/** Generates an application's data and serves it. Rejects on an invalid option, or when the port is taken. */
export async function startBubbleSandbox(options: BubbleSandboxOptions = {}): Promise<BubbleSandbox> {
  const config = bubbleOptionsSchema.parse(options);
  const { rows, manifest } = generate(config);
  const clock = new Clock();
  const random = new Random(config.seed).fork('life');
  const { wall, hiddenShare, latencyMs, apiKey, userKey } = config;
  const settings: BubbleSettings = { wall, hiddenShare, latencyMs };
  const data = new BubbleData(rows, clock, random);
  const { origin, ...running } = await startSandbox(config, {
    upstream: bubbleApi({ data, random, settings, apiKey, userKey }),
    clock,
    data,
    settings,
    manifest,
    limiter: perMinuteLimiter(config.ratePerMinute, clock),
  });
  return { url: origin + API_PATH, apiKey, userKey, manifest, ...running };
}

const bubbleOptionsSchema = z.strictObject({
  ...sandboxOptions,
  users: z.int().min(0).max(1_000_000).default(5000),
  /** 1: dirty as real data is; 0: clean. */
  dirt: z.number().min(0).max(5).default(1),
  wall: z.int().min(1).default(50_000),
  /** Requests in any sixty seconds; 0 for no limit. */
  ratePerMinute: z.int().min(0).default(15_000),
  hiddenShare: z.number().min(0).max(1).default(0),
  apiKey: z.string().min(1).default('sandbox-admin-key'),
  userKey: z.string().min(1).default('sandbox-user-key'),
});

export type BubbleSandboxOptions = z.input<typeof bubbleOptionsSchema>;
