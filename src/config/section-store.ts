// biome-ignore-all lint/suspicious/noTemplateCurlyInString: examples of the file speak of ${NAME} references
/** The section about the store: a database that several bridges share. */
import { z } from 'zod'
import { duration, field } from './fields.ts'
import { type Parsed, parsed, refused } from './problems.ts'

const fix = 'write it like postgres://USER:PASSWORD@HOST:5432/DATABASE; characters such as @ and / in the password as %40 and %2F'

/** Never shows the value: it holds the password. */
const parsePostgresUrl = (text: string): Parsed<string> => {
  if (!/^postgres(?:ql)?:\/\//.test(text)) return refused('is not the address of a PostgreSQL database', fix)
  if (!URL.canParse(text)) return refused('cannot be read as an address', fix)
  const { hostname, pathname, searchParams } = new URL(text)
  // Without a host the client looks for a socket, in a folder that `host` names.
  if (hostname === '' && !searchParams.has('host')) return refused('names no host', fix)
  if (pathname.length < 2) return refused('names no database', fix)
  return parsed(text)
}

export const store = z
  .strictObject({
    postgres: field(parsePostgresUrl).optional().meta({
      description:
        'A PostgreSQL database that all bridges of one account share: they deliver for each other and within one rate limit. Absent: a database of this bridge’s own, in data_dir.',
      example: '${DATABASE_URL}',
    }),
    lease: duration('2s', '10m')
      .prefault('30s')
      .describe('With postgres, how long a bridge may be silent before the others take over what it was delivering.'),
  })
  .transform(({ postgres, lease }) => ({ postgres: postgres ?? null, leaseMs: lease }))
