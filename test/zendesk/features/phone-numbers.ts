import { expect } from 'vitest'
import type { NewPhoneNumber, PhoneNumber } from '../../../src/zendesk/wire/phone-number.ts'
import { endpoint, type FeatureSection, property } from './row.ts'
import type { World } from './world.ts'

const made = (world: World, more: Partial<NewPhoneNumber> = {}): Promise<PhoneNumber> =>
  world.client.phoneNumbers.create({ number: world.number(), ...more }, world.signal)

export const phoneNumbers: FeatureSection = {
  title: 'Phone numbers',
  rows: [
    endpoint('GET /phone_numbers', 'lists every number, page by page', async world => {
      const ids = [(await made(world)).id, (await made(world)).id, (await made(world)).id]
      const seen: unknown[] = []
      for await (const { id } of world.client.phoneNumbers.list({ limit: 2 }, world.signal)) seen.push(id)
      expect(seen).toEqual(expect.arrayContaining(ids))
      expect(new Set(seen).size).toBe(seen.length)
      expect((await world.client.phoneNumbers.list({}, world.signal).page()).count).toBe(seen.length)
    }),
    endpoint('POST /phone_numbers', 'provisions a number once for each key, and no number twice', async world => {
      const { client, signal } = world
      const number = world.number()
      const key = { idempotencyKey: `provision-${number}` }
      const first = await client.phoneNumbers.create({ number }, signal, key)
      expect(await client.phoneNumbers.create({ number }, signal, key)).toEqual(first)
      await expect(client.phoneNumbers.create({ number }, signal)).rejects.toMatchObject({ status: 409 })
    }),
    endpoint('GET /phone_numbers/{id}', 'shows one number, and 404 where there is none', async world => {
      const number = await made(world)
      expect(await world.client.phoneNumbers.get(number.id, world.signal)).toEqual(number)
      await expect(world.client.phoneNumbers.get(999_999, world.signal)).rejects.toMatchObject({ status: 404 })
    }),
    endpoint('PUT /phone_numbers/{id}', 'changes what is given and keeps the rest', async world => {
      const { id, number } = await made(world)
      const changed = await world.client.phoneNumbers.update(id, { display_name: 'Sales', enabled: false }, world.signal)
      expect(changed).toMatchObject({ id, number, display_name: 'Sales', enabled: false })
      expect(await world.client.phoneNumbers.get(id, world.signal)).toEqual(changed)
    }),
    endpoint('DELETE /phone_numbers/{id}', 'removes a number, which may then be provisioned again', async world => {
      const { id, number } = await made(world)
      await world.client.phoneNumbers.delete(id, world.signal)
      await expect(world.client.phoneNumbers.get(id, world.signal)).rejects.toMatchObject({ status: 404 })
      expect(await world.client.phoneNumbers.create({ number }, world.signal)).toMatchObject({ number })
    }),
    property('id', 'is of this number alone', async world => {
      expect((await made(world)).id).not.toBe((await made(world)).id)
    }),
    property('number', 'is E.164, with its country code, and never changes', async world => {
      const number = world.number()
      expect(await made(world, { number })).toMatchObject({ number })
    }),
    property('display_name', 'is what a call shows; the number itself unless said', async world => {
      expect(await made(world, { display_name: 'Support Paris' })).toMatchObject({ display_name: 'Support Paris' })
      const plain = await made(world)
      expect(plain.display_name).toBe(plain.number)
    }),
    property('country_code', 'follows from the number, and may be given', async world => {
      expect(await made(world, { number: `+3314020${5000 + world.unique()}` })).toMatchObject({ country_code: 'FR' })
      expect(await made(world, { country_code: 'CA' })).toMatchObject({ country_code: 'CA' })
      await expect(made(world, { country_code: 'Canada' })).rejects.toMatchObject({ status: 422 })
    }),
    property('phone_line_id', 'names a line that exists', async world => {
      const line = await world.client.phoneLines.create({ name: world.name('Line') }, world.signal)
      expect(await made(world, { phone_line_id: line.id })).toMatchObject({ phone_line_id: line.id })
      await expect(made(world, { phone_line_id: 999_999 })).rejects.toMatchObject({ status: 422 })
    }),
    property('enabled', 'is true unless said otherwise', async world => {
      expect(await made(world)).toMatchObject({ enabled: true })
      expect(await made(world, { enabled: false })).toMatchObject({ enabled: false })
    }),
    property('capabilities', 'are inbound, outbound, SMS and MMS', async world => {
      const capabilities = ['inbound', 'outbound', 'sms', 'mms'] as const
      expect(await made(world, { capabilities: [...capabilities] })).toMatchObject({ capabilities })
      expect((await made(world)).capabilities).toEqual(expect.arrayContaining(['inbound', 'outbound']))
    }),
    property('created_at', 'stays as it was', async world => {
      const { id, created_at } = await made(world)
      expect(Date.now() - Date.parse(created_at)).toBeLessThan(60_000)
      expect(await world.client.phoneNumbers.update(id, { enabled: false }, world.signal)).toMatchObject({ created_at })
    }),
    property('updated_at', 'moves with every change', async world => {
      const { id, updated_at } = await made(world)
      const changed = await world.client.phoneNumbers.update(id, { enabled: false }, world.signal)
      expect(Date.parse(changed.updated_at)).toBeGreaterThanOrEqual(Date.parse(updated_at))
    }),
  ],
}

export const phoneLines: FeatureSection = {
  title: 'Phone lines',
  rows: [
    endpoint('GET /phone_lines', 'lists every line with the ids of its numbers', async world => {
      const line = await world.client.phoneLines.create({ name: world.name('Line') }, world.signal)
      const number = await made(world, { phone_line_id: line.id })
      const lines = []
      for await (const each of world.client.phoneLines.list({ limit: 1 }, world.signal)) lines.push(each)
      expect(lines).toContainEqual(expect.objectContaining({ id: line.id, phone_number_ids: [number.id] }))
    }),
    endpoint('POST /phone_lines', 'creates a line, each name once', async world => {
      const name = world.name('Line')
      expect(await world.client.phoneLines.create({ name, location: 'Paris' }, world.signal)).toMatchObject({
        name,
        location: 'Paris',
        enabled: true,
        phone_number_ids: [],
      })
      await expect(world.client.phoneLines.create({ name }, world.signal)).rejects.toMatchObject({ status: 409 })
    }),
    endpoint('GET /phone_lines/{id}', 'shows one line, and 404 where there is none', async world => {
      const line = await world.client.phoneLines.create({ name: world.name('Line') }, world.signal)
      expect(await world.client.phoneLines.get(line.id, world.signal)).toEqual(line)
      await expect(world.client.phoneLines.get(999_999, world.signal)).rejects.toMatchObject({ status: 404 })
    }),
    endpoint('PUT /phone_lines/{id}', 'changes what is given and keeps the rest', async world => {
      const { id, name } = await world.client.phoneLines.create({ name: world.name('Line') }, world.signal)
      expect(await world.client.phoneLines.update(id, { location: 'Lyon' }, world.signal)).toMatchObject({
        name,
        location: 'Lyon',
      })
    }),
    endpoint('DELETE /phone_lines/{id}', 'removes a line, but none that has numbers', async world => {
      const { id } = await world.client.phoneLines.create({ name: world.name('Line') }, world.signal)
      const number = await made(world, { phone_line_id: id })
      await expect(world.client.phoneLines.delete(id, world.signal)).rejects.toMatchObject({ status: 409 })
      await world.client.phoneNumbers.delete(number.id, world.signal)
      await world.client.phoneLines.delete(id, world.signal)
      await expect(world.client.phoneLines.get(id, world.signal)).rejects.toMatchObject({ status: 404 })
    }),
  ],
}
