import { toMajor } from '../../money.ts';
import type { SumLine } from '../answers.ts';
import type { Paint } from '../colour.ts';
import { table } from '../table.ts';

/** Money on both sides, by entity, currency and status. What agrees says so, what does not says by how much. */
export function sumsTable(sums: readonly SumLine[], paint: Paint): string {
  return table(
    sums,
    [
      { title: 'entity', value: (sum) => sum.entity },
      { title: 'currency', value: (sum) => sum.currency },
      { title: 'status', value: (sum) => sum.status },
      { title: 'source', value: (sum) => major(sum.source, sum.currency), right: true },
      { title: 'target', value: (sum) => major(sum.target, sum.currency), right: true },
      { title: 'not loaded', value: (sum) => major(sum.unloaded, sum.currency), right: true },
      { title: '', value: verdict, tone: (sum) => (difference(sum) === 0n ? 'green' : 'red') },
    ],
    paint,
  );
}

/** What neither the target nor the records left behind account for. */
export function difference(sum: SumLine): bigint {
  return BigInt(sum.source) - BigInt(sum.target) - BigInt(sum.unloaded);
}

function verdict(sum: SumLine): string {
  const off = difference(sum);
  return off === 0n ? 'agrees' : `differs by ${major(off.toString(), sum.currency)}`;
}

function major(minor: string, currency: string): string {
  return toMajor(BigInt(minor), currency);
}
