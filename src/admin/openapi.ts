/** The API's description at `/docs` (a page), `/docs/json` and `/docs/yaml`, made from the schemas that the routes validate with. */
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { jsonSchemaTransform } from 'fastify-type-provider-zod'

/** The page needs its own files and inline styles; it talks to this server only. */
const contentSecurityPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"

/** Registers the description; before the routes, which it collects as they are added. */
export async function describeApi(
  app: FastifyInstance,
  options: { readonly version: string; readonly secured: boolean },
): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'tpe-bridge',
        version: options.version,
        description: 'What the bridge saw, what it delivered, and what an operator can do about the rest.',
      },
      ...(options.secured && {
        components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
        security: [{ token: [] }],
      }),
    },
    transform: document => {
      try {
        return jsonSchemaTransform(document)
      } catch (error) {
        // Routes that plugins add may carry plain JSON Schema, which is what swagger wants anyway.
        if (error instanceof Error && 'code' in error && error.code === 'FST_ERR_INVALID_SCHEMA') return document
        throw error
      }
    },
  })
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: contentSecurityPolicy, uiConfig: { validatorUrl: null } })
}
