import { readFileSync } from 'node:fs';
import { type FaultRule, faultRulesSchema } from './faults.ts';

/** Resolves when somebody asks the process to stop. */
export function waitForStopSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
}

/** Named mixtures for the command line. */
export const FAULT_PRESETS: Readonly<Record<string, readonly FaultRule[]>> = {
  none: [],
  /** A provider's ordinary bad day. */
  storm: [
    { fault: 'throttle', rate: 0.02, retryAfter: 1 },
    { fault: 'throttle', rate: 0.01 },
    { fault: 'unavailable', rate: 0.02 },
    { fault: 'error', rate: 0.01 },
    { fault: 'drop-before', rate: 0.005 },
    { fault: 'slow', rate: 0.01, delayMs: 1500 },
  ],
  /** Everything that leaves the records themselves alone. */
  chaos: [
    { fault: 'throttle', rate: 0.03, retryAfter: 1 },
    { fault: 'throttle', rate: 0.01, retryAfter: 1, retryAfterForm: 'date' },
    { fault: 'throttle', rate: 0.01, retryAfterForm: 'garbage' },
    { fault: 'unavailable', rate: 0.03 },
    { fault: 'error', rate: 0.02 },
    { fault: 'drop-before', rate: 0.01 },
    { fault: 'drop-after', rate: 0.01 },
    { fault: 'drop-midway', rate: 0.01 },
    { fault: 'truncate', rate: 0.01 },
    { fault: 'html', rate: 0.01 },
    { fault: 'slow', rate: 0.01, delayMs: 1500 },
    { fault: 'clamp', operation: 'list', rate: 0.1, limit: 37 },
    { fault: 'repeat-page', operation: 'list', rate: 0.02 },
  ],
};

/** Fault rules from the command line: a preset's name, `@file` with JSON, or JSON itself. */
export function parseFaults(text: string): readonly FaultRule[] {
  const preset = FAULT_PRESETS[text];
  if (preset !== undefined) return preset;
  const json = text.startsWith('@') ? readFileSync(text.slice(1), 'utf8') : text;
  return faultRulesSchema.parse(JSON.parse(json));
}
