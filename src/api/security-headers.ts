import helmet from '@fastify/helmet';
import type { Api } from './types.ts';

/** Headers that keep browsers from doing more with our pages than we mean. */
export async function setSecurityHeaders(app: Api): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        scriptSrc: ["'self'"],
        // The board and the docs page set styles on elements; scripts may not be inline all the same.
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", 'data:'],
        fontSrc: ["'self'", 'data:'],
        connectSrc: ["'self'"],
        objectSrc: ["'none'"],
        baseUri: ["'self'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
    referrerPolicy: { policy: 'same-origin' },
  });
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
    // Answers hold the state of a moment, and some of them keys.
    if (request.url.startsWith('/api/')) reply.header('cache-control', 'no-store');
  });
}
