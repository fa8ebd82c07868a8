import { describe, expect, it } from 'vitest'
import { askingSandbox } from './asking.ts'

const option = (digit: string, action: string, target_id: string | null) => ({ digit, label: 'Choice', action, target_id })
const menu = (...options: object[]) => ({ ivr_menu: { greeting: 'Thank you for calling', options } })

describe('phone numbers', () => {
  it('know their country and show themselves when nothing else is said', async () => {
    const { post, get } = await askingSandbox()
    const { status, body } = await post('/phone_numbers', { phone_number: { number: '+4930901820' } })
    expect(status).toBe(201)
    const { phone_number } = body
    expect(phone_number).toMatchObject({
      number: '+4930901820',
      display_name: '+4930901820',
      country_code: 'DE',
      phone_line_id: null,
      enabled: true,
    })
    expect(await get(`/phone_numbers/${phone_number.id}`)).toEqual({ phone_number })
  })

  it('are made once for each key, and twice for none', async () => {
    const { post, get } = await askingSandbox()
    const body = { phone_number: { number: '+14155550100' } }
    const first = await post('/phone_numbers', body, 'k1')
    const again = await post('/phone_numbers', body, 'k1')
    expect([first.status, again.status]).toEqual([201, 200])
    expect(again.body).toEqual(first.body)
    expect((await post('/phone_numbers', { phone_number: { number: '+14155550101' } }, 'k1')).status).toBe(422)
    expect((await post('/phone_numbers', body)).status).toBe(409)
    expect((await get('/phone_numbers')).count).toBe(1)
  })

  it.each([
    ['no E.164', { number: '0123' }, 'number'],
    ['a line that is not there', { number: '+14155550100', phone_line_id: 9 }, 'phone_line_id'],
    ['a line by a word', { number: '+14155550100', phone_line_id: 'berlin' }, 'phone_line_id'],
    ['another country', { number: '+14155550100', country_code: 'DE' }, 'country_code'],
    ['no country', { number: '+14155550100', country_code: 'ZZ' }, 'country_code'],
    ['a number of no country', { number: '+80012345678' }, 'country_code'],
    ['no capability', { number: '+14155550100', capabilities: ['fax'] }, 'capabilities.0'],
  ])('are refused with %s, naming the field', async (_what, phone_number, field) => {
    const { post, get } = await askingSandbox()
    const { status, body } = await post('/phone_numbers', { phone_number })
    expect([status, Object.keys(body.details)]).toEqual([422, [`phone_number.${field}`]])
    if (field === 'number') {
      expect(body).toMatchObject({ error: 'Invalid phone number', description: 'Phone number must be valid E.164 format' })
    }
    expect((await get('/phone_numbers')).count).toBe(0)
  })

  it('change what is given and keep the rest, and are gone when deleted', async () => {
    const { post, put, ask, delete: remove } = await askingSandbox()
    await post('/phone_lines', { phone_line: { name: 'Berlin' } })
    await post('/phone_numbers', { phone_number: { number: '+14155550100', display_name: 'Sales', phone_line_id: 1 } })
    const { body } = await put('/phone_numbers/1', { phone_number: { enabled: false, phone_line_id: null } })
    expect(body.phone_number).toMatchObject({ display_name: 'Sales', enabled: false, phone_line_id: null })
    expect((await put('/phone_numbers/1', { phone_number: { number: '+14155550199' } })).status).toBe(422)
    expect((await remove('/phone_numbers/1')).status).toBe(204)
    const gone = await ask('GET', '/phone_numbers/1')
    expect([gone.status, gone.body.error]).toEqual([404, 'Phone number not found'])
    for (const path of ['/phone_numbers/1', '/phone_numbers/one']) expect((await remove(path)).status).toBe(404)
    expect((await put('/phone_numbers/1', { phone_number: {} })).status).toBe(404)
  })

  it('lead to menus and queues that are there', async () => {
    const { post, put, get } = await askingSandbox()
    await post('/phone_numbers', { phone_number: { number: '+14155550100' } })
    expect((await get('/phone_numbers/1/ivr')).ivr).toMatchObject({ enabled: false, menu_id: null, queue_id: null })
    await post('/phone_ivr_menus', menu())
    await post('/phone_queues', { phone_queue: { name: 'support' } })
    const ivr = { enabled: true, menu_id: 1, queue_id: 1 }
    expect((await put('/phone_numbers/1/ivr', { ivr })).body.ivr).toMatchObject(ivr)
    for (const [wrong, field] of [
      [{ ...ivr, menu_id: 2 }, 'ivr.menu_id'],
      [{ ...ivr, queue_id: 2 }, 'ivr.queue_id'],
      [{ enabled: true, menu_id: null }, 'ivr.menu_id'],
    ] as const) {
      const { status, body } = await put('/phone_numbers/1/ivr', { ivr: wrong })
      expect([status, Object.keys(body.details)]).toEqual([422, [field]])
    }
    expect((await get('/phone_numbers/1/ivr')).ivr).toMatchObject(ivr)
  })
})

describe('phone lines', () => {
  it('show their numbers, and stay while they have any', async () => {
    const { post, get, delete: remove } = await askingSandbox()
    await post('/phone_lines', { phone_line: { name: 'Berlin', location: 'Berlin' } })
    await post('/phone_numbers', { phone_number: { number: '+14155550100', phone_line_id: '1' } })
    expect((await get('/phone_lines/1')).phone_line).toMatchObject({ location: 'Berlin', enabled: true, phone_number_ids: [1] })
    const refused = await remove('/phone_lines/1')
    expect([refused.status, refused.body.description]).toEqual([
      409,
      'This phone line is in use by phone number 1: change that first',
    ])
    await remove('/phone_numbers/1')
    expect((await remove('/phone_lines/1')).status).toBe(204)
    expect((await get('/phone_lines')).phone_lines).toEqual([])
  })

  it('have each name once', async () => {
    const { post, put } = await askingSandbox()
    await post('/phone_lines', { phone_line: { name: 'Berlin' } })
    await post('/phone_lines', { phone_line: { name: 'Paris' } })
    expect((await post('/phone_lines', { phone_line: { name: 'Berlin' } })).status).toBe(409)
    const { status, body } = await put('/phone_lines/2', { phone_line: { name: 'Berlin' } })
    expect([status, Object.keys(body.details)]).toEqual([409, ['phone_line.name']])
    expect((await put('/phone_lines/1', { phone_line: { name: 'Berlin', enabled: false } })).status).toBe(200)
  })
})

describe('IVR menus', () => {
  it('keep what the caller hears, and change in part', async () => {
    const { post, put, get } = await askingSandbox()
    const options = [option('1', 'transfer', 'agent-789'), option('2', 'transfer', '+14155550100'), option('0', 'repeat', null)]
    const { status, body } = await post('/phone_ivr_menus', menu(...options))
    expect([status, body.ivr_menu]).toMatchObject([201, { id: 1, name: null, options, repeat_message: null }])
    await put('/phone_ivr_menus/1', { ivr_menu: { invalid_message: 'Try again', options: [option('#', 'menu', 'menu-1')] } })
    expect((await get('/phone_ivr_menus/1')).ivr_menu).toMatchObject({
      greeting: 'Thank you for calling',
      invalid_message: 'Try again',
      options: [{ digit: '#', target_id: 'menu-1' }],
    })
  })

  it.each([
    ['a key twice', [option('1', 'hangup', null), option('1', 'repeat', null)], '1.digit'],
    ['no key', [option('10', 'hangup', null)], '0.digit'],
    ['a queue that is not there', [option('1', 'transfer', 'queue-7')], '0.target_id'],
    ['a menu that is not there', [option('1', 'menu', 'menu-7')], '0.target_id'],
    ['no target', [option('1', 'transfer', null)], '0.target_id'],
    ['a menu to transfer to', [option('1', 'transfer', 'menu-1')], '0.target_id'],
    ['a number that is none', [option('1', 'transfer', '+0')], '0.target_id'],
    ['a target to hang up', [option('1', 'hangup', 'queue-1')], '0.target_id'],
  ])('are refused with %s, naming the field', async (_what, options, field) => {
    const { post } = await askingSandbox()
    const { status, body } = await post('/phone_ivr_menus', menu(...options))
    expect([status, Object.keys(body.details)]).toEqual([422, [`ivr_menu.options.${field}`]])
  })
})
