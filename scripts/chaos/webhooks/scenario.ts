import type { CatalogExperiment } from '../catalog/drill.ts';
import type { ApiProcess } from './api-process.ts';

/** A catalogue that has been moved, an API that Stripe tells its events, and workers that apply them. */
export interface WebhookExperiment extends CatalogExperiment {
  readonly api: ApiProcess;
  /** What signs events; the older of the API's two secrets. */
  readonly secret: string;
}

/** One way in which events can arrive. */
export interface WebhookScenario {
  readonly name: string;
  /** For people: what happens, in a line. */
  readonly summary: string;
  /** Sends what it has to. Answers how many deliveries were none that should count, and what went wrong at the door. */
  sendEvents(drill: WebhookExperiment): Promise<{ readonly faults: number; readonly problems: readonly string[] }>;
}
