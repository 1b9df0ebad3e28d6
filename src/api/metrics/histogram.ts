import type { StageLatency } from './source.ts';

/**
 * A histogram in Prometheus's text format. prom-client only prints what its own process observed; these were observed
 * by the workers.
 */
export function renderHistogram(name: string, help: string, series: readonly StageLatency[]): string {
  const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`];
  for (const { stage, buckets, sum, count } of series) {
    for (const bucket of buckets) lines.push(`${name}_bucket{stage="${stage}",le="${bucket.le}"} ${bucket.count}`);
    lines.push(`${name}_bucket{stage="${stage}",le="+Inf"} ${count}`);
    lines.push(`${name}_sum{stage="${stage}"} ${sum}`, `${name}_count{stage="${stage}"} ${count}`);
  }
  return `${lines.join('\n')}\n`;
}
