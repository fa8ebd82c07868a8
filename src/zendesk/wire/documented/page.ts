/** Lists of the documented API: by cursor (`page[size]`, `page[after]`) or by number (`page`, `per_page`). */
import { z } from 'zod'
import { supportCommentSchema, supportTicketSchema } from './ticket.ts'
import { userSchema } from './user.ts'

/** More than this on a page is never given. */
export const largestPage = 100

/** `next_page` and `count` come with pages by number, `meta` and `links` with pages by cursor. Both `next`s are whole addresses. */
const pageAnswerFields = {
  count: z.int().min(0).nullish(),
  next_page: z.string().nullish(),
  previous_page: z.string().nullish(),
  meta: z.looseObject({ has_more: z.boolean(), after_cursor: z.string().nullish() }).nullish(),
  links: z.looseObject({ next: z.string().nullish() }).nullish(),
}

/** `GET /tickets`, `GET /tickets?external_id=`, `GET /users/{id}/tickets/requested` */
export const supportTicketsAnswerSchema = z.object({ tickets: z.array(supportTicketSchema), ...pageAnswerFields })
/** `GET /tickets/{id}/comments` */
export const supportCommentsAnswerSchema = z.object({ comments: z.array(supportCommentSchema), ...pageAnswerFields })
/** `GET /users/search?query=`, `GET /users/search?external_id=` */
export const usersAnswerSchema = z.object({ users: z.array(userSchema), ...pageAnswerFields })
/** `GET /search?query=` with `role:` or `type:user`. What is new shows only after the index's lag. */
export const userSearchAnswerSchema = z.object({
  results: z.array(userSchema.extend({ result_type: z.literal('user') })),
  ...pageAnswerFields,
})
