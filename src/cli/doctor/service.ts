import type { SessionView } from '../answers.ts';
import { isLocal, type Settings } from '../environment.ts';
import { type Finding, okFinding, warningFinding } from './finding.ts';

/** A key sent over plain http can be read on the way. */
export function transportFinding({ url, token }: Pick<Settings, 'url' | 'token'>): Finding[] {
  const { protocol, hostname } = new URL(url);
  if (protocol === 'https:' || token === undefined || isLocal(url)) return [];
  return [
    warningFinding('transport', `the key travels to ${hostname} without encryption`, 'Give DROVER_URL with https.'),
  ];
}

/** Who the key belongs to and what it may do. */
export function keyFinding({ actor, role }: SessionView): Finding {
  const detail = `${actor} with the role ${role}`;
  if (role !== 'viewer') return okFinding('key', detail);
  return warningFinding(
    'key',
    `${detail}, which may look and not start or change`,
    'Use a key of an operator for that.',
  );
}
