import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import type { Api } from './types.ts';

const apiDescription = `Moves a business into its own PostgreSQL and Stripe, and proves that nothing was lost.

Send \`authorization: Bearer <key>\`; every operation says which role it needs (\`x-role\`): viewer, operator or admin.
Errors are problem details (RFC 9457) with a stable \`code\` and a \`remedy\`. Lists have cursors. A POST with an
\`Idempotency-Key\` may be sent again without being done again.`;

/** The OpenAPI document, made from the schemas that check requests and answers, and a page to browse it. */
export async function serveOpenApi(app: Api, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Drover', version, description: apiDescription, license: { name: 'MIT', identifier: 'MIT' } },
      components: {
        securitySchemes: {
          key: { type: 'http', scheme: 'bearer', description: 'An API key, `id.secret`' },
          session: { type: 'apiKey', in: 'cookie', name: 'drover_session' },
        },
      },
    },
    transform: (document) => {
      const { schema, url } = jsonSchemaTransform(document);
      const access = document.route.config?.access ?? 'open';
      const security = access === 'open' ? [] : [{ key: [] }, { session: [] }];
      return { schema: { ...(schema as object), security, 'x-role': access }, url };
    },
    transformObject: jsonSchemaTransformObject,
  });
  await app.register(async (scope) => {
    scope.decorate('accessOf', () => 'open' as const);
    await scope.register(swaggerUi, { routePrefix: '/docs', uiConfig: { persistAuthorization: false } });
  });
  app.get('/openapi.json', { config: { access: 'open' }, schema: { hide: true } }, async () => app.swagger());
}
