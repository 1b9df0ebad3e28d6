import type { UpstreamView } from '../answers.ts';
import type { Paint } from '../colour.ts';
import { table } from '../table.ts';

/** One line an upstream: what the whole fleet may ask of it. */
export function limitsTable(upstreams: readonly UpstreamView[], paint: Paint): string {
  return table(
    upstreams,
    [
      { title: 'upstream', value: (one) => one.name },
      { title: 'most a second', value: (one) => one.maxRps ?? '', right: true },
      { title: 'now', value: (one) => one.effectiveRps ?? '', right: true },
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
