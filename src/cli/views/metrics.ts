import type { ErrorShare, RunMetrics } from '../answers.ts';
import type { Paint, Tone } from '../colour.ts';
import { formatBytes } from '../text.ts';
import { formatDuration } from '../time.ts';

type Network = RunMetrics['resourceUsage']['network'];

/** How a run went, in numbers. */
export function metricsLines(metrics: RunMetrics, paint: Paint): string {
  const { successRate, processingRate, elapsedSeconds, errorDistribution, resourceUsage } = metrics;
  const { memory, cpu, network, workers, complete, alongside } = resourceUsage;
  const success = successRate === null ? 'nothing is settled' : `${(successRate * 100).toFixed(2)} %`;
  return [
    `  success rate     ${success}`,
    `  processing rate  ${processingRate.toFixed(1)} records/s over ${formatDuration(elapsedSeconds * 1000)}`,
    `  memory           ${memory.peakMb} MB at most in ${workers.length} workers, ${memory.largestWorkerMb} MB in one`,
    `  CPU              ${cpu.seconds} s, ${cpu.meanCores} cores on average`,
    `  network          ${network.requests} requests, ${network.failed} without success; ${formatBytes(network.sentBytes)} sent, ${formatBytes(network.receivedBytes)} received`,
    ...network.upstreams.map(upstreamLine),
    ...(complete ? [] : ['  what a worker used in its last two seconds may be missing']),
    ...(alongside.length > 0 ? [`  with the runs that went on at the same time: ${alongside.join(', ')}`] : []),
    ...(errorDistribution.length > 0 ? [`\n${paint('errors', 'bold')}`] : []),
    ...errorDistribution.map((error) => errorLine(error, paint)),
  ].join('\n');
}

function upstreamLine({ upstream, perSecond, allowedPerSecond }: Network['upstreams'][number]): string {
  const allowed = allowedPerSecond === null ? '' : ` of ${allowedPerSecond} allowed`;
  return `  ${upstream.padEnd(16)} ${perSecond.toFixed(1)} requests/s${allowed}`;
}

const tones: Readonly<Record<string, Tone>> = { CRITICAL: 'red', HIGH: 'red', MEDIUM: 'yellow' };

function errorLine(error: ErrorShare, paint: Paint): string {
  const severity = paint(error.severity.padEnd(8), tones[error.severity]);
  const where = `${error.code}, ${error.stage ?? 'run'}`;
  return `  ${severity} ${error.name} (${where}): ${error.records} records, ${error.tries} tries; ${error.action.toLowerCase()}`;
}
