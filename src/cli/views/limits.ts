import type { UpstreamView } from '../answers.ts';
import type { Paint } from '../colour.ts';
import { formatTable } from '../table.ts';

/** One line an upstream: what the whole fleet may ask of it. */
export function limitsTable(upstreams: readonly UpstreamView[], paint: Paint): string {
  return formatTable(
    upstreams,
    [
      { title: 'upstream', value: (one) => one.name },
      // Before the first request nobody has told the fleet's Redis what the plan asks for.
      { title: 'most a second', value: (one) => one.maxRps ?? 'not yet', right: true },
      { title: 'now', value: (one) => (one.effectiveRps === null ? 'idle' : rounded(one.effectiveRps)), right: true },
      { title: 'used', value: (one) => `${one.usedLastSecond}/s`, right: true },
      { title: 'last minute', value: (one) => one.usedLastMinute, right: true },
      {
        title: 'breaker',
        value: (one) => one.breaker ?? '',
        tone: (one) => (one.breaker === 'open' ? 'red' : undefined),
      },
      { title: 'waits until', value: (one) => one.blockedUntil ?? '' },
      { title: 'set by', value: (one) => one.setBy ?? 'configuration' },
      { title: 'why', value: (one) => one.reason ?? '' },
    ],
    paint,
  );
}

const rounded = (rps: number): number => Math.round(rps * 10) / 10;
