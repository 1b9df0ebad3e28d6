import type { BubbleScenario } from '../scenario.ts';

export const upstreamStorm: BubbleScenario = {
  name: 'upstream-storm',
  summary: 'the source throttles with every form of Retry-After, answers errors, drops connections and is slow',
  setup: {
    sandbox: {
      faults: [
        { fault: 'throttle', rate: 0.08, retryAfter: 1 },
        { fault: 'throttle', rate: 0.03, retryAfter: 1, retryAfterForm: 'date' },
        { fault: 'throttle', rate: 0.03, retryAfterForm: 'garbage' },
        { fault: 'unavailable', rate: 0.05 },
        { fault: 'error', rate: 0.05 },
        { fault: 'drop-before', rate: 0.03 },
        { fault: 'drop-midway', rate: 0.03 },
        { fault: 'slow', rate: 0.05, delayMs: 2_000 },
      ],
    },
  },
  injectFaults: async () => undefined,
};
