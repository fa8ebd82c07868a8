/**
 * `/metrics`. The parts count with plain numbers and know no metrics library; at each scrape their numbers are read and
 * written into a fresh registry, so this file holds no second copy that could drift. Only the process's own metrics
 * (memory, event loop, file descriptors), which prom-client collects itself, live in a registry that stays.
 */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { z } from 'zod'

/** One number of a family. */
export interface MetricSample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** A metric with all its label sets. Counters end in `_total`; base units (seconds, bytes) are part of the name. */
export interface MetricFamily {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge'
  readonly samples: readonly MetricSample[]
}

/** Where the numbers are read at each scrape. Two families of one name are merged; the first one's help is shown. */
export interface MetricsSource {
  read(): Promise<readonly MetricFamily[]>
}

/** The Prometheus text format, version 0.0.4. */
export function metricsRoutes(sources: readonly MetricsSource[]): FastifyPluginAsyncZod {
  return async app => {
    const own = new Registry()
    collectDefaultMetrics({ register: own })

    app.get(
      '/metrics',
      {
        schema: {
          summary: 'Everything the bridge counts, in the Prometheus text format',
          tags: ['health'],
          response: { 200: { description: 'metrics', content: { 'text/plain': { schema: z.string() } } } },
        },
      },
      async (_request, reply) => {
        const families = (await Promise.all(sources.map(source => source.read()))).flat()
        const text = (await registryOf(families).metrics()) + (await own.metrics())
        return reply.type(Registry.PROMETHEUS_CONTENT_TYPE).send(text)
      },
    )
  }
}

function registryOf(families: readonly MetricFamily[]): Registry {
  const registry = new Registry()
  for (const { name, help, type, samples } of mergeByName(families)) {
    const labelNames = [...new Set(samples.flatMap(sample => Object.keys(sample.labels)))]
    const options = { name, help, labelNames, registers: [registry] }
    if (type === 'counter') {
      const counter = new Counter(options)
      for (const { labels, value } of samples) counter.inc({ ...labels }, value)
    } else {
      const gauge = new Gauge(options)
      for (const { labels, value } of samples) gauge.set({ ...labels }, value)
    }
  }
  return registry
}

function mergeByName(families: readonly MetricFamily[]): Iterable<MetricFamily> {
  const merged = new Map<string, MetricFamily>()
  for (const family of families) {
    const earlier = merged.get(family.name)
    merged.set(family.name, earlier === undefined ? family : { ...earlier, samples: [...earlier.samples, ...family.samples] })
  }
  return merged.values()
}
