import { describe, expect, test } from 'vitest'
import { type PbxFamily, type PbxFamilyName, pbxFamilies, readPbxFamily, waysToWatch } from '../../src/config/pbx-family.ts'
import { read } from './pages.ts'

/** Lines are broken differently in a page and in data. */
const unwrapped = (text: string): string => text.replaceAll(/\s+/g, ' ')

const fenced = (language: string, lines: string): string => `\n\`\`\`${language}\n${lines.trimEnd()}\n\`\`\`\n`

async function familyOf(name: PbxFamilyName): Promise<PbxFamily> {
  const file = await readPbxFamily(name)
  if (!file.ok) throw new Error(`${file.file} ${file.reason}`)
  return file.family
}

describe.each(pbxFamilies)('docs/pbx/%s.md', name => {
  test('shows the lines of config/pbx, for the PBX and for the bridge, and no others', async () => {
    const [page, family] = [await read(`docs/pbx/${name}.md`), await familyOf(name)]
    for (const { where, why, language, lines } of family.settings) {
      expect(page).toContain(fenced(language, lines))
      expect(unwrapped(page)).toContain(unwrapped(`**${where}.** ${why}`))
    }
    expect(page).toContain(fenced('yaml', family.bridge))
    const configurations = page.split('## Check that it works')[0] ?? ''
    expect(configurations.match(/^```\w+$/gm)).toHaveLength(family.settings.length + 1)
  })

  test('tells what is seen and what is not, and how legs become one call, as config/pbx does', async () => {
    const [page, family] = [unwrapped(await read(`docs/pbx/${name}.md`)), await familyOf(name)]
    for (const way of waysToWatch) {
      const { with: means, seen, unseen } = family.sight[way]
      expect(page).toContain(`| ${means} | ${seen} | ${unseen} |`)
    }
    for (const sentence of [family.description, ...family.ties, ...family.check_on_site])
      expect(page).toContain(unwrapped(sentence))
    for (const [key, headers] of Object.entries(family.sip)) {
      const list = headers.length === 0 ? 'none is known' : headers.map(header => `\`${header}\``).join(', ')
      expect(page).toContain(`- \`sip.${key}\`: ${list}`)
    }
  })

  test('says how to check that it works', async () => {
    const page = await read(`docs/pbx/${name}.md`)
    expect(page).toMatch(/tpe-bridge doctor[\s\S]+tpe-bridge trace \S+ --pbx /)
  })
})

test('docs/pbx/README.md leads to the page of every family, and says the same of each way', async () => {
  const words = { pbx: 'the PBX itself', beside: 'from beside', none: 'no', unverified: 'to be checked' }
  const page = await read('docs/pbx/README.md')
  for (const name of pbxFamilies) {
    const family = await familyOf(name)
    const cells = waysToWatch.map(way => words[family.sight[way].by])
    expect(page).toContain(`| ${family.name} | [${name}](${name}.md) | ${cells.join(' | ')} |`)
  }
})
