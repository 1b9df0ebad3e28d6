import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Actor, Role } from '../engine/control/contract.ts';

/** Fastify with zod schemas. */
export type Api = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** Who may call a route. `open`: anyone. There is no default: a route that does not say is refused at registration. */
export type Access = Role | 'open';

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
    /**
     * `off` for what monitors call, `cached` for reads that cost nothing, `signed` for what upstreams call: only what is
     * not rightly signed counts, and the route sees to it.
     */
    limit?: 'off' | 'cached' | 'signed';
    /** Takes an Idempotency-Key. Every POST does unless it says false. */
    idempotent?: boolean;
  }
  interface FastifyRequest {
    /** Set on every route that is not open; on open ones when a valid key was shown. */
    actor: Actor | null;
    /** Shown by cookie, so a change needs proof of the same origin. */
    viaCookie: boolean;
  }
}
