import type { UpstreamFactory } from '../plan/upstream.ts';

/** The same upstreams for those a person or a webhook waits for: bulk requests stand back for theirs. */
export function withInteractivePriority(upstreams: UpstreamFactory): UpstreamFactory {
  return (options) => {
    const upstream = upstreams(options);
    return { request: (request) => upstream.request({ ...request, priority: 'interactive' }) };
  };
}
