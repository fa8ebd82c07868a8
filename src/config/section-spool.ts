/** The section about the disk: how much audio may lie on it. */
import { z } from 'zod'
import { size } from './fields.ts'

export const spool = z
  .strictObject({
    min_free: size()
      .prefault('500MB')
      .describe(
        'So much of the disk that holds data_dir stays free for the database: below, no audio is encoded or taken by HTTP until there is more again; calls are reported all the same.',
      ),
    max: size().optional().meta({
      description:
        'The most that audio on its way may take (data_dir/spool); beyond, the same. HTTP uploads stop at four fifths of it. Absent: whatever min_free leaves.',
      example: '20GB',
    }),
  })
  .transform(({ min_free, max }) => ({ minFreeBytes: min_free, maxBytes: max ?? null }))
