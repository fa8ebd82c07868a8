import { Gauge, Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { readMetrics } from '../../src/cli/doctor/metrics-text.ts'

test('what the metrics library writes is read back, whatever its labels hold', async () => {
  const registry = new Registry()
  const gauge = new Gauge({ name: 'tpe_bridge_x', help: 'of\nlines', labelNames: ['agent', 'node'], registers: [registry] })
  const odd = 'a "b" \\ c\nd, e="f"} 1'
  gauge.set({ agent: '192.0.2.20', node: odd }, -1.5)
  gauge.set({ agent: '2001:db8::1', node: '' }, 1e21)
  new Gauge({ name: 'tpe_bridge_y', help: 'none', registers: [registry] }).set(3)
  const read = readMetrics(await registry.metrics())
  expect(read.get('tpe_bridge_x')).toEqual([
    { labels: { agent: '192.0.2.20', node: odd }, value: -1.5 },
    { labels: { agent: '2001:db8::1', node: '' }, value: 1e21 },
  ])
  expect(read.get('tpe_bridge_y')).toEqual([{ labels: {}, value: 3 }])
})

test('what is no sample is passed over', () => {
  expect([...readMetrics('# HELP x y\n\nx\nx{ 1\nx NaN\n<html>\nx{a="b"} 2\n')]).toEqual([
    ['x', [{ labels: { a: 'b' }, value: 2 }]],
  ])
})
