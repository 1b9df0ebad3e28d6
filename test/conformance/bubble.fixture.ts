import type { FaultMode, PlanFixture, SourceContent, StandIn } from '../../src/plan/conformance/types.ts';
import { startBubbleSandbox } from '../../src/sandbox/bubble/sandbox.ts';
import type { FaultRule } from '../../src/sandbox/core/faults.ts';
import { validRows } from '../helpers/bubble-rows.ts';

// Bubble reduces the page size silently, so a few dozen records fill several pages.
const pages: readonly FaultRule[] = Object.entries({
  user: 16,
  clientprofile: 16,
  coachprofile: 4,
  booking: 40,
  payment: 32,
}).map(([resource, limit]) => ({ fault: 'clamp', operation: 'list', resource, limit }));

const troubles: Readonly<Record<FaultMode, readonly FaultRule[]>> = {
  none: [],
  throttled: [{ fault: 'throttle', every: 4, retryAfter: 0 }],
  failing: [
    { fault: 'error', every: 5 },
    { fault: 'unavailable', every: 7 },
    { fault: 'drop-midway', every: 11 },
  ],
  shifting: [
    { fault: 'insert', operation: 'list', every: 2, count: 2, position: 'before' },
    { fault: 'insert', operation: 'list', every: 3, count: 1, position: 'after' },
  ],
  repeating: [{ fault: 'repeat-page', operation: 'list', every: 3 }],
};

async function start(content: SourceContent): Promise<StandIn> {
  const sandbox = await startBubbleSandbox({ users: content === 'filled' ? 60 : 0, faults: [...pages] });
  return {
    settings: { BUBBLE_API_URL: sandbox.url, BUBBLE_API_KEY: sandbox.apiKey },
    injectFault: (trouble) => sandbox.faults.set([...troubles[trouble], ...pages]),
    close: () => sandbox.close(),
  };
}

export default { start, records: validRows } satisfies PlanFixture;
