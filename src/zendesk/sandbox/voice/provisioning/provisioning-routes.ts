/** `/phone_numbers`, `/phone_lines` and `/phone_ivr_menus`: what callers can dial, and where that leads. */
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import type { FastifyInstance } from 'fastify'
import { ivrMenuChangeSchema, ivrSettingsSchema, newIvrMenuSchema } from '../../../wire/ivr.ts'
import { newPhoneLineSchema, phoneLineChangeSchema } from '../../../wire/phone-line.ts'
import { newPhoneNumberSchema, phoneNumberChangeSchema } from '../../../wire/phone-number.ts'
import { accept, idAsked, urlOf } from '../../asked.ts'
import { nextPage, pageQuerySchema } from '../../page.ts'
import { type CreationParts, create } from '../creation.ts'
import { IvrMenus } from './ivr-menus.ts'
import { PhoneLines } from './phone-lines.ts'
import { PhoneNumbers } from './phone-numbers.ts'

export interface ProvisioningParts extends CreationParts {
  readonly db: DatabaseSyncInstance
  /** Epoch ms. */
  readonly clock: () => number
}

export function provisioningRoutes(app: FastifyInstance, parts: ProvisioningParts): void {
  numberRoutes(app, parts)
  lineRoutes(app, parts)
  menuRoutes(app, parts)
}

function numberRoutes(app: FastifyInstance, parts: ProvisioningParts): void {
  const { db, commits, clock } = parts
  const numbers = new PhoneNumbers(db)

  app.get('/phone_numbers', async request => {
    const { rows, count, next } = numbers.list(accept(pageQuerySchema, request.query))
    return { phone_numbers: rows, count, next_page: nextPage(urlOf(request), next) }
  })
  app.post('/phone_numbers', async (request, reply) => {
    const { phone_number } = accept(newPhoneNumberSchema, request.body)
    return create(parts, request, reply, () => ({ phone_number: numbers.create(phone_number, clock()) }))
  })
  app.get('/phone_numbers/:id', async request => ({ phone_number: numbers.get(idAsked(request)) }))
  app.put('/phone_numbers/:id', async request => {
    const { phone_number } = accept(phoneNumberChangeSchema, request.body)
    return commits.run(() => ({ phone_number: numbers.change(idAsked(request), phone_number, clock()) }))
  })
  app.delete('/phone_numbers/:id', async (request, reply) => {
    await commits.run(() => numbers.remove(idAsked(request)))
    return reply.code(204).send()
  })
  app.get('/phone_numbers/:id/ivr', async request => ({ ivr: numbers.ivr(idAsked(request)) }))
  app.put('/phone_numbers/:id/ivr', async request => {
    const { ivr } = accept(ivrSettingsSchema, request.body)
    return commits.run(() => ({ ivr: numbers.setIvr(idAsked(request), ivr, clock()) }))
  })
}

function lineRoutes(app: FastifyInstance, parts: ProvisioningParts): void {
  const { db, commits, clock } = parts
  const lines = new PhoneLines(db)

  app.get('/phone_lines', async request => {
    const { rows, count, next } = lines.list(accept(pageQuerySchema, request.query))
    return { phone_lines: rows, count, next_page: nextPage(urlOf(request), next) }
  })
  app.post('/phone_lines', async (request, reply) => {
    const { phone_line } = accept(newPhoneLineSchema, request.body)
    return create(parts, request, reply, () => ({ phone_line: lines.create(phone_line, clock()) }))
  })
  app.get('/phone_lines/:id', async request => ({ phone_line: lines.get(idAsked(request)) }))
  app.put('/phone_lines/:id', async request => {
    const { phone_line } = accept(phoneLineChangeSchema, request.body)
    return commits.run(() => ({ phone_line: lines.change(idAsked(request), phone_line, clock()) }))
  })
  app.delete('/phone_lines/:id', async (request, reply) => {
    await commits.run(() => lines.remove(idAsked(request)))
    return reply.code(204).send()
  })
}

function menuRoutes(app: FastifyInstance, parts: ProvisioningParts): void {
  const { db, commits, clock } = parts
  const menus = new IvrMenus(db)

  app.post('/phone_ivr_menus', async (request, reply) => {
    const { ivr_menu } = accept(newIvrMenuSchema, request.body)
    return create(parts, request, reply, () => ({ ivr_menu: menus.create(ivr_menu, clock()) }))
  })
  app.get('/phone_ivr_menus/:id', async request => ({ ivr_menu: menus.get(idAsked(request)) }))
  app.put('/phone_ivr_menus/:id', async request => {
    const { ivr_menu } = accept(ivrMenuChangeSchema, request.body)
    return commits.run(() => ({ ivr_menu: menus.change(idAsked(request), ivr_menu, clock()) }))
  })
}
