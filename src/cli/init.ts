/** `tpe-bridge init`: writes a configuration to begin with: every key, commented, with its default. */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Command } from 'commander'
import { exampleYaml } from '../config/example.ts'
import { jsonSchema, schemaFileName } from '../config/json-schema.ts'
import { defaultConfigPath } from './configuration.ts'
import type { CliContext, Finish } from './context.ts'
import { CommandFailed } from './failure.ts'

const generated = { example: 'config/bridge.example.yaml', schema: `config/${schemaFileName}` }

export function initCommand(context: CliContext, _finish: Finish): Command {
  return new Command('init')
    .description('write a configuration with every key, commented')
    .argument('[file]', 'where to', defaultConfigPath)
    .option('--regenerate', `rewrite ${generated.example} and ${generated.schema} of this checkout instead`)
    .action(async (file: string, option: { readonly regenerate?: boolean }) => {
      if (option.regenerate === true) {
        await writeFile(generated.example, exampleYaml())
        await writeFile(generated.schema, jsonSchema())
        context.stdout.write(`wrote ${generated.example} and ${generated.schema}\n`)
        return
      }
      await mkdir(dirname(file), { recursive: true })
      try {
        await writeFile(file, exampleYaml(), { flag: 'wx' })
      } catch (error) {
        const exists = error instanceof Error && 'code' in error && error.code === 'EEXIST'
        if (!exists) throw error
        throw new CommandFailed(1, `${file} exists already; it was not touched. Name another file: tpe-bridge init FILE`)
      }
      await writeFile(join(dirname(file), schemaFileName), jsonSchema()) // the file's first line names it, for editors
      context.stdout.write(`wrote ${file}; edit it, then: tpe-bridge check -c ${file}\n`)
    })
}
