/** "Did you mean …?": the known word that a mistyped one most likely stands for. */

/** The closest of `known` to `word`, when it is close enough to be a slip; `null` otherwise. */
export function closest(word: string, known: readonly string[]): string | null {
  const normal = simplify(word.slice(0, 64))
  const limit = Math.max(1, Math.floor(normal.length / 3))
  let best: { readonly word: string; readonly distance: number } | null = null
  for (const candidate of known) {
    const distance = editDistance(normal, simplify(candidate))
    if (distance <= limit && (best === null || distance < best.distance)) best = { word: candidate, distance }
  }
  return best?.word ?? null
}

/** `dataDir`, `data-dir` and `data_dir` are the same word to whoever mistypes it. */
function simplify(word: string): string {
  return word.replace(/[-_\s]/g, '').toLowerCase()
}

/** Optimal string alignment: insertions, deletions, replacements and swaps of neighbours count 1 each. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      let least = Math.min(replaced, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1)
      if (a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, (beforeLast[j - 2] ?? least) + 1)
      row.push(least)
    }
    beforeLast = last
    last = row
  }
  return last[b.length] ?? 0
}
