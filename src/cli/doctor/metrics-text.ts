/** Reads the Prometheus text format (0.0.4), as far as the bridge's own /metrics writes it. Total: what is no sample is passed over. */

export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** The samples by metric. */
export function readMetrics(text: string): ReadonlyMap<string, readonly Sample[]> {
  const found = new Map<string, Sample[]>()
  for (const line of text.split('\n')) {
    const [, name, inBraces = '', number] = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    if (name === undefined || number === undefined || Number.isNaN(Number(number))) continue
    const samples = found.get(name) ?? []
    samples.push({ labels: labelsIn(inBraces), value: Number(number) })
    found.set(name, samples)
  }
  return found
}

function labelsIn(text: string): Readonly<Record<string, string>> {
  const labels: Record<string, string> = Object.create(null)
  for (const [, name = '', value = ''] of text.matchAll(/([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"/g))
    labels[name] = value.replaceAll(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped))
  return labels
}
