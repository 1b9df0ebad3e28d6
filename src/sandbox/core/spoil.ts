import type { Clock } from './clock.ts';
import type { FaultRule } from './fault-rule.ts';
import type { Answer } from './message.ts';
import type { Upstream } from './upstream.ts';

const HTML = '<!DOCTYPE html><html><head><title>We will be right back</title></head><body>Deploying</body></html>';

/** The refusal that faults ask for instead of any work, or undefined when none does. */
export function errorAnswerFor(faults: readonly FaultRule[], upstream: Upstream, clock: Clock): Answer | undefined {
  for (const rule of faults) {
    if (rule.fault === 'throttle') return withRetryAfter(upstream.errorAnswer(429, 'Too many requests'), rule, clock);
    if (rule.fault === 'unavailable')
      return withRetryAfter(upstream.errorAnswer(503, 'Service unavailable'), rule, clock);
    if (rule.fault === 'error') return upstream.errorAnswer(500, 'Internal error');
  }
  return undefined;
}

/** The answer after truncation or replacement by a page of HTML; both keep the status that was meant. */
export function corruptBody(answer: Answer, faults: readonly FaultRule[]): Answer {
  for (const rule of faults) {
    if (rule.fault === 'truncate') return { ...answer, body: answer.body.slice(0, Math.floor(answer.body.length / 2)) };
    if (rule.fault === 'html') return { ...answer, headers: { 'content-type': 'text/html' }, body: HTML };
  }
  return answer;
}

/** How long the answer is held back. */
export function faultDelayMs(faults: readonly FaultRule[]): number {
  return faults.reduce((sum, rule) => sum + (rule.fault === 'slow' ? (rule.delayMs ?? 1000) : 0), 0);
}

function withRetryAfter(answer: Answer, rule: FaultRule, clock: Clock): Answer {
  if (rule.retryAfter === undefined && rule.retryAfterForm === undefined) return answer;
  return { ...answer, headers: { ...answer.headers, 'retry-after': retryAfter(rule, clock) } };
}

function retryAfter(rule: FaultRule, clock: Clock): string {
  const seconds = rule.retryAfter ?? 1;
  if (rule.retryAfterForm === 'garbage') return 'soon, please';
  if (rule.retryAfterForm === 'date') return new Date(clock.now() + seconds * 1000).toUTCString();
  return String(seconds);
}
