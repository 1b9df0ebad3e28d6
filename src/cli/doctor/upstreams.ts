import type { UpstreamView } from '../answers.ts';
import { type Finding, warningFinding } from './finding.ts';

/** Upstreams that are left alone at the moment because they failed too often. */
export function upstreamFindings(upstreams: readonly UpstreamView[]): Finding[] {
  return upstreams
    .filter((one) => one.breaker === 'open')
    .map((one) => {
      const until = one.breakerOpenUntil === null ? '' : ` until ${one.breakerOpenUntil}`;
      return warningFinding(
        'upstream',
        `${one.name} fails and is left alone${until}`,
        'It is tried again by itself; check it.',
      );
    });
}
