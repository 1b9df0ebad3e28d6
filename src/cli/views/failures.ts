import { toMajor } from '../../money.ts';
import type { FailureGroup } from '../answers.ts';
import type { Paint } from '../colour.ts';

/** Failures by cause, most frequent first: what, how many, why, what to do, which records. */
export function failureList(groups: readonly FailureGroup[], paint: Paint): string {
  return [...groups]
    .sort((left, right) => right.count - left.count)
    .map((group) => failure(group, paint))
    .join('\n');
}

function failure(group: FailureGroup, paint: Paint): string {
  const field = group.field === null ? '' : `, field ${group.field}`;
  const worth = (group.sums ?? []).map(({ currency, minor }) => `${currency} ${toMajor(BigInt(minor), currency)}`);
  return [
    `${paint(`${group.count} × ${group.code}`, 'red')}: ${group.message}`,
    `  ${group.entity}, ${group.status} at ${group.stage}${field}, ${group.severity}, group ${paint(group.group, 'bold')}`,
    ...(worth.length > 0 ? [`  worth ${worth.join(', ')}`] : []),
    ...(group.examples.length > 0 ? [`  for example ${group.examples.join(', ')}`] : []),
    `  → ${group.remedy}`,
  ].join('\n');
}
