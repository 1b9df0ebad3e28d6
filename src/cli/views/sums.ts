import { toMajor } from '../../money.ts';
import type { SumLine } from '../answers.ts';
import type { Paint } from '../colour.ts';
import { formatTable } from '../table.ts';

/** Money on both sides, by entity, currency and status. What agrees says so, what does not says by how much. */
export function sumsTable(sums: readonly SumLine[], paint: Paint): string {
  return formatTable(
    sums,
    [
      { title: 'entity', value: (sum) => sum.entity },
      { title: 'currency', value: (sum) => sum.currency },
      { title: 'status', value: (sum) => sum.status },
      { title: 'source', value: (sum) => toMajorUnits(sum.source, sum.currency), right: true },
      { title: 'target', value: (sum) => toMajorUnits(sum.target, sum.currency), right: true },
      { title: 'not loaded', value: (sum) => toMajorUnits(sum.unloaded, sum.currency), right: true },
      { title: '', value: differenceText, tone: (sum) => (sumDifference(sum) === 0n ? 'green' : 'red') },
    ],
    paint,
  );
}

/** What neither the target nor the records left behind account for. */
export function sumDifference(sum: SumLine): bigint {
  return BigInt(sum.source) - BigInt(sum.target) - BigInt(sum.unloaded);
}

function differenceText(sum: SumLine): string {
  const off = sumDifference(sum);
  return off === 0n ? 'agrees' : `differs by ${toMajorUnits(off.toString(), sum.currency)}`;
}

function toMajorUnits(minor: string, currency: string): string {
  return toMajor(BigInt(minor), currency);
}
