/** The section about the archive: audio that is kept beside Zendesk. */
import { z } from 'zod'
import { complain, path, word } from './fields.ts'

/** A folder's address on the web, with a slash at its end in any case. Links of any site's own network: http is allowed. */
const webFolder = () =>
  word(
    /^https?:\/\/[^\s/?#@]+(?:\/[^\s?#]*)?$/,
    'is not the web address of a folder',
    'write it like https://calls.example.com/, without ? and #',
  )
    .refine(URL.canParse, { error: complain('is not a web address', 'write it like https://calls.example.com/') })
    .transform(url => (url.endsWith('/') ? url : `${url}/`))

export const archive = z
  .strictObject({
    folder: path().optional().meta({
      description: 'A folder that keeps audio which Zendesk does not take (more than 50 MB), as SITE/YYYY/MM/DD/ID.mp3.',
      example: '/srv/calls',
    }),
    public_url: webFolder().optional().meta({
      description: 'Where agents reach that folder with a browser; the tickets link to it. The bridge does not serve it.',
      example: 'https://calls.example.com/',
    }),
  })
  .superRefine(({ folder, public_url }, context) => {
    if (public_url !== undefined && folder === undefined)
      context.addIssue({
        code: 'custom',
        path: ['folder'],
        message: complain('is missing: archive.public_url is set', 'add the folder that it shows: folder: /srv/calls'),
      })
  })
  .transform(({ folder, public_url }) => ({ folder: folder ?? null, publicUrl: public_url ?? null }))
